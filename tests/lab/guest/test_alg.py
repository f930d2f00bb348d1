"""AF_ALG: the kernel's cryptography. What it gives is compared with Python's hashlib and with the
vectors of NIST SP 800-38A and SP 800-38D. Documentation/crypto/userspace-if.rst."""

import hashlib
import hmac

import pytest

KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
COUNTING = bytes(range(16))
PLAIN = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
CBC = bytes.fromhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2")


def algorithm(impl, kind, name, *more, key=None):
    # Without a timeout: poll(2) does not see that such a socket has something to accept.
    s = impl.open(impl.AF_ALG, impl.SOCK_SEQPACKET, seconds=None)
    s.bind((kind, name, *more))
    if key is not None:
        s.setsockopt(impl.SOL_ALG, impl.ALG_SET_KEY, key)
    return s


def operation(impl, s):
    made, address = s.accept()
    assert address in (None, b"")
    return impl.keep(made, None)


def test_hash(impl):
    op = operation(impl, algorithm(impl, "hash", "sha256"))
    op.sendall(b"abc")
    assert op.recv(512) == hashlib.sha256(b"abc").digest()


def test_hash_in_parts(impl):
    op = operation(impl, algorithm(impl, "hash", "sha256"))
    for _ in range(10):
        op.send(b"part" * 100, impl.MSG_MORE)
    op.send(b"")
    assert op.recv(512) == hashlib.sha256(b"part" * 1000).digest()


def test_keyed_hash(impl):
    op = operation(impl, algorithm(impl, "hash", "hmac(sha1)", key=b"Jefe"))
    op.sendall(b"what do ya want for nothing?")
    expected = hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha1")
    assert op.recv(512) == expected


def test_an_algorithm_that_is_not_there(impl):
    s = impl.open(impl.AF_ALG, impl.SOCK_SEQPACKET)
    with pytest.raises(OSError) as caught:
        s.bind(("hash", "rot13"))
    assert caught.value.errno == 2  # ENOENT


@pytest.mark.parametrize("name", ["t" * 14, "n" * 64])
def test_names_that_are_too_long(impl, name):
    s = impl.open(impl.AF_ALG, impl.SOCK_SEQPACKET)
    address = (name, "sha1") if len(name) < 64 else ("hash", name)
    with pytest.raises(ValueError, match="too long"):
        s.bind(address)


def test_feature_and_mask(impl):
    s = algorithm(impl, "hash", "sha256", 0, 0)
    op = operation(impl, s)
    op.sendall(b"")
    assert op.recv(512) == hashlib.sha256(b"").digest()


def test_cipher_there_and_back(impl):
    s = algorithm(impl, "skcipher", "cbc(aes)", key=KEY)
    op = operation(impl, s)
    sent = op.sendmsg_afalg([PLAIN], op=impl.ALG_OP_ENCRYPT, iv=COUNTING)
    assert sent == len(PLAIN)
    assert op.recv(len(PLAIN)) == CBC
    op = operation(impl, s)
    op.sendmsg_afalg([CBC], op=impl.ALG_OP_DECRYPT, iv=COUNTING)
    assert op.recv(len(CBC)) == PLAIN


def test_long_cipher_in_parts(impl):
    """More than a socket holds at once: a part goes in, a part comes out."""
    s = algorithm(impl, "skcipher", "cbc(aes)", key=KEY)
    text, chunk = b"sixteen letters!" * 4096, 16384
    parts = [text[n : n + chunk] for n in range(0, len(text), chunk)]

    def through(kind, parts):
        op = operation(impl, s)
        out = []
        op.sendmsg_afalg(op=kind, iv=COUNTING, flags=impl.MSG_MORE)
        for number, part in enumerate(parts, start=1):
            more = impl.MSG_MORE if number < len(parts) else 0
            assert op.sendmsg_afalg([part], op=kind, flags=more) == len(part)
            out.append(op.recv(len(part)))
        return out

    secret = through(impl.ALG_OP_ENCRYPT, parts)
    assert b"".join(secret) != text
    assert b"".join(through(impl.ALG_OP_DECRYPT, secret)) == text


# SP 800-38D, test case 4: with associated data.
GCM_KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308")
GCM_IV = bytes.fromhex("cafebabefacedbaddecaf888")
GCM_PLAIN = bytes.fromhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
GCM_OTHER = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
GCM_SECRET = bytes.fromhex(
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
    "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
)
GCM_TAG = bytes.fromhex("5bc94fbc3221a5db94fae95ae7121a47")


def gcm(impl):
    s = algorithm(impl, "aead", "gcm(aes)", key=GCM_KEY)
    s.setsockopt(impl.SOL_ALG, impl.ALG_SET_AEAD_AUTHSIZE, None, len(GCM_TAG))
    return operation(impl, s)


def test_authenticated_cipher_there_and_back(impl):
    other = len(GCM_OTHER)
    op = gcm(impl)
    op.sendmsg_afalg(
        [GCM_OTHER, GCM_PLAIN], op=impl.ALG_OP_ENCRYPT, iv=GCM_IV, assoclen=other
    )
    got = op.recv(other + len(GCM_PLAIN) + len(GCM_TAG))
    assert got[other:] == GCM_SECRET + GCM_TAG
    op = gcm(impl)
    op.sendmsg_afalg(
        [GCM_OTHER, GCM_SECRET, GCM_TAG], op=impl.ALG_OP_DECRYPT, iv=GCM_IV, assoclen=other
    )
    assert op.recv(other + len(GCM_PLAIN))[other:] == GCM_PLAIN


def test_a_wrong_tag_is_refused(impl):
    op = gcm(impl)
    wrong = bytes(len(GCM_TAG))
    op.sendmsg_afalg(
        [GCM_OTHER, GCM_SECRET, wrong],
        op=impl.ALG_OP_DECRYPT,
        iv=GCM_IV,
        assoclen=len(GCM_OTHER),
    )
    with pytest.raises(OSError) as caught:
        op.recv(200)
    assert caught.value.errno == 74  # EBADMSG


def test_random_numbers(impl):
    # Generators give nothing before they have a seed: for them that is the key.
    op = operation(impl, algorithm(impl, "rng", "stdrng", key=bytes(32)))
    first, second = op.recv(32), op.recv(32)
    assert len(first) == len(second) == 32 and first != second


@pytest.mark.parametrize(
    "arguments",
    [{}, {"op": "encrypt"}, {"op": -1}, {"op": 1, "assoclen": "4"}, {"op": 1, "assoclen": -1}],
    ids=repr,
)
def test_arguments_that_are_refused(impl, arguments):
    op = operation(impl, algorithm(impl, "skcipher", "cbc(aes)", key=KEY))
    with pytest.raises(TypeError):
        op.sendmsg_afalg(**arguments)
    # And only on this family.
    with pytest.raises(OSError, match="AF_ALG"):
        impl.open(impl.AF_INET, impl.SOCK_DGRAM).sendmsg_afalg(op=1)
