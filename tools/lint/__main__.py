"""The rules of the house that a machine can check. C warnings are errors in tools/build.sh.

Prints one line per rule. Runs inside build/venv, after tools/build.sh plain.
"""

import sys

import insides
import kernel
import layers
import style

RULES = {
    "core knows no Python": layers.no_python_in_core,
    "names of static functions and data are unique": style.static_names,
    "core's folders are layers": lambda: layers.includes_upwards("core", layers.CORE_LAYERS),
    "only core/sys/linux.c calls the kernel (text)": kernel.kernel_calls_in_text,
    "only core/sys/linux.c calls the kernel (objects)": kernel.kernel_calls_in_objects,
    "the library exports what the headers declare": kernel.exported_names,
    "there is one version": style.one_version,
    "the extension exports its two modules alone": kernel.exported_by_the_extension,
    "the folders of python/ext are layers (text)": layers.layers_in_text,
    "the folders of python/ext are layers (objects)": layers.layers_in_objects,
    "CPython's insides are reached from shared/interp alone": insides.insides_of_c,
    "CPython's insides are reached from _interp.py alone": insides.insides_of_python,
    "meson.build lists every file": style.listed_for_the_build,
    "generated files are not among the sources": style.generated_only,
    "lines and files are short": style.lengths,
    "C is formatted (clang-format)": style.c_style,
    "Python is clean (ruff)": style.python_style,
}


def main():
    broken = 0
    for title, rule in RULES.items():
        findings = list(rule())
        print(f"{'FAILED' if findings else 'ok':7} {title}")
        for finding in findings:
            print(f"        {finding}")
        broken += bool(findings)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
