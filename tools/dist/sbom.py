"""Writes what the files of `make dist` are and what is in them, as a CycloneDX SBOM beside them.

    sbom.py FOLDER      writes FOLDER/csock-VERSION.cdx.json

csock has nothing of others' in it and depends at run time on libc, and the wheels on CPython; what
built the wheels is named as the tools of their makers.
"""

import hashlib
import json
import pathlib
import re
import sys

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = pathlib.Path(__file__).resolve().parents[2]


def version():
    return re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]


def builders():
    """The pinned and bounded requirements of the wheels' builders."""
    lines = (ROOT / "tools" / "requirements-wheels.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def file_component(path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Component(
        name=path.name,
        type=ComponentType.FILE,
        licenses=[LicenseExpression("MIT")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )


def bom(folder):
    product = Component(
        name="csock",
        version=version(),
        type=ComponentType.LIBRARY,
        licenses=[LicenseExpression("MIT")],
        bom_ref="csock",
    )
    result = Bom()
    result.metadata.component = product
    result.metadata.properties = [
        Property(name="csock:wheels:built-by", value=line) for line in builders()
    ]
    files = [file_component(path) for path in sorted(folder.iterdir()) if path.is_file()]
    for component in files:
        result.components.add(component)
    result.register_dependency(product, files)
    return result


def main():
    folder = pathlib.Path(sys.argv[1])
    text = make_outputter(bom(folder), OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if errors:
        sys.exit(f"sbom: {errors}")
    path = folder / f"csock-{version()}.cdx.json"
    path.write_text(json.dumps(json.loads(text), indent=2) + "\n")


if __name__ == "__main__":
    main()
