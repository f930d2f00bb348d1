/* What the fuzz targets share: an input that is eaten up from its front, memory of exactly the size
 * that was asked for, so that the sanitizer sees each byte beyond, and checks that end the run. */
#ifndef CSOCK_FUZZ_H
#define CSOCK_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Not assert: it says what failed in every build. */
#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof *(array)))

/* What memory holds that nobody has written to yet. */
#define PATTERN 0xa5

struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

/* 0 at the end. */
static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

static inline uint32_t fuzz_u32(struct fuzz_input *in)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 8 | fuzz_byte(in);
    return value;
}

/* 0 to n - 1. */
static inline unsigned fuzz_below(struct fuzz_input *in, unsigned n)
{
    return fuzz_byte(in) % n;
}

/* n bytes that hold PATTERN, and none behind them. */
static inline void *fuzz_room(size_t n)
{
    char *memory = malloc(n);
    CHECK(memory || n == 0);
    if (n > 0)
        memset(memory, PATTERN, n);
    return memory;
}

/* The next n bytes, or as many as there are; *ret_n says. */
static inline void *fuzz_bytes(struct fuzz_input *in, size_t n, size_t *ret_n)
{
    if (n > in->left)
        n = in->left;
    char *memory = fuzz_room(n);
    if (n > 0)
        memcpy(memory, in->at, n);
    in->at += n;
    in->left -= n;
    *ret_n = n;
    return memory;
}

/* All that is left, as text. */
static inline char *fuzz_text(struct fuzz_input *in)
{
    char *text = fuzz_room(in->left + 1);
    memcpy(text, in->at, in->left);
    text[in->left] = '\0';
    *in = (struct fuzz_input){.at = in->at + in->left, .left = 0};
    return text;
}

/* Reads all of it, for the sanitizer to see. */
static inline void fuzz_read(const void *memory, size_t n)
{
    const volatile unsigned char *byte = memory;
    for (size_t i = 0; i < n; i++)
        (void)byte[i];
}

static inline bool fuzz_untouched(const void *memory, size_t n)
{
    const unsigned char *byte = memory;
    for (size_t i = 0; i < n; i++)
        if (byte[i] != PATTERN)
            return false;
    return true;
}

#endif
