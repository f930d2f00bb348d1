# The commands of the house. Each does its own set-up (tools/setup.sh); all of it, but for system
# packages, goes into build/. PYTHON=... names another Python than python3.

PYTHON ?= python3
export PYTHON

VENV = build/venv/bin/python
# A fresh environment, but for what set-up and the tests may need from the caller's.
export PYTHONDONTWRITEBYTECODE = 1
unexport PYTHONPATH PYTHONHOME

.NOTPARALLEL:
.PHONY: help demo test bench bench-counts bench-deadlines bench-tls bench-dial bench-ps bench-waits bench-capture \
        soak-tls differential \
        tsan valgrind coverage lint format clean check-fresh \
        fuzz matrix big-endian musl m32 clang conformance conformance-asan conformance-sid dist check-dist \
        release-check free-threaded \
        guest ecosystem docs \
        setup-docs setup-demo setup-test setup-conformance setup-ecosystem setup-programs bench-programs

help:
	@echo 'make demo         set up, build, and show csock at work'
	@echo 'make test         all tests and lints (SUITES="c py" for some: see tools/run_tests.py)'
	@echo "make conformance  CPython's own suites on stock and on csock, for every Python found"
	@echo '                  (PYTHONS="3.11 3.13" SUITES="test_ssl" JOBS=2; tests/conformance)'
	@echo 'make conformance-asan   test_socket of them, csock under sanitizers'
	@echo 'make bench        csock, the stock socket module and raw C compared (JSON=file writes it),'
	@echo '                  and then bench-programs'
	@echo 'make bench-programs     whole programs on stock and on csock (ONLY=redis)'
	@echo "make ecosystem    other people's programs on stock and on csock (ONLY=requests,suite:redis)"
	@echo 'make bench-counts its short form: instructions and system calls, in a minute'
	@echo '                  (WHEEL=build/dist/csock-...whl puts a wheel beside this build)'
	@echo 'make bench-tls    TLS by ssl on csock and on stock: instructions, system calls, ping-pong'
	@echo 'make bench-deadlines  how exactly calls end at the deadline of a block (ONLY=makefile)'
	@echo 'make soak-tls     two writers and readers on one TLS connection, ten minutes (SECONDS=60)'
	@echo 'make bench-dial   how long connecting takes where something on the way is broken (ONLY=IPv6;'
	@echo '                  SVG=docs/connecting.svg draws it)'
	@echo 'make bench-ps     how long `csock ps` takes for 1,000 stuck threads'
	@echo 'make bench-waits  what a call that has to wait costs in instructions (OTHER=folder of a build)'
	@echo 'make bench-capture    1 GiB over loopback with and without csock.capture() (FOLDER=/dev/shm)'
	@echo 'make tsan         threads on shared sockets under ThreadSanitizer'
	@echo 'make valgrind     the C tests under valgrind'
	@echo 'make coverage     line coverage of core/ by the C tests'
	@echo 'make differential random calls on csock and on stock: the same? (SECONDS=60)'
	@echo 'make fuzz         hostile input, found by libFuzzer (SECONDS=60, TARGET="addr cmsg"; clang)'
	@echo 'make lint         style and layering'
	@echo 'make format       let clang-format and ruff mend the style'
	@echo 'make check-fresh  demo, test and installing on fresh minimal machines (as root;'
	@echo '                  SUITE=bookworm|trixie|sid|noble, all without; PARTS, BUSY=4)'
	@echo 'make matrix       lint, C and Python tests on other compilers, C libraries, machines and'
	@echo '                  Pythons, and a table (ROWS="clang 3.14", JSON=file; ROWS=--list; as root)'
	@echo 'make big-endian   C and Python tests on an emulated s390x (as root)'
	@echo 'make musl, make m32      the C library with musl, as 32-bit code, and its C tests (apt:'
	@echo '                  musl-tools, gcc-multilib)'
	@echo 'make clang        core and extension by clang: C and Python tests (apt: clang)'
	@echo 'make guest        rare address families and test_socket, in a guest kernel (qemu, apt)'
	@echo 'make conformance-sid  CPython 3.14 and 3.15, in a Debian sid (as root; PYTHONS, SUITES)'
	@echo 'make free-threaded    a CPython without a GIL: tests, ThreadSanitizer, bench (PARTS; apt)'
	@echo 'make dist         sdist, wheels, C source archive, SBOM, SHA256SUMS into build/dist (as root;'
	@echo '                  VERSIONS="3.13" for the wheels of some Pythons)'
	@echo 'make check-dist   each file of build/dist on a minimal machine: wheels where there is no'
	@echo '                  compiler, aarch64 under qemu; the sources with one (as root; VERSIONS)'
	@echo 'make release-check    can the last commit, as make dist built it, be released? docs/releasing.md'
	@echo 'make docs         the site, build/docs/html, of docs/, headers, stubs and docstrings (Sphinx)'
	@echo 'make clean        remove build/'

setup-demo:
	@tools/setup.sh demo

setup-test:
	@tools/setup.sh test

setup-docs:
	@tools/setup.sh docs

setup-ecosystem:
	@tools/setup.sh ecosystem

setup-programs:
	@tools/setup.sh programs

setup-conformance: setup-test
	@tools/setup.sh conformance

demo: setup-demo
	@tools/build.sh release
	@PYTHONPATH=build/release/site $(VENV) tools/demo.py

test: setup-test
	@$(VENV) tools/run_tests.py $(if $(JSON),--json $(JSON)) $(SUITES)

conformance: setup-conformance
	@$(VENV) tests/conformance/run.py --pythons "$(PYTHONS)" --suites "$(SUITES)" \
	    $(if $(JOBS),--jobs $(JOBS))

ecosystem: setup-ecosystem
	@tools/build.sh release
	@$(VENV) tests/ecosystem/run.py $(ONLY)

docs: setup-docs
	@tools/build.sh release
	@PYTHONPATH=build/release/site $(VENV) tools/docs/site.py build/docs

conformance-asan: setup-test
	@$(VENV) tools/run_tests.py conformance-asan

bench: setup-demo
	@tools/build.sh release
	@PYTHONPATH=build/release/site $(VENV) bench/table.py $(if $(JSON),--json $(JSON))
	@$(MAKE) --no-print-directory bench-programs $(if $(JSON),JSON=$(JSON:.json=)-programs.json)

bench-programs: setup-programs
	@tools/build.sh release
	@$(VENV) bench/programs.py $(if $(ONLY),--only "$(ONLY)") $(if $(JSON),--json $(JSON))

# With WHEEL=... the wheel's figures, too, installed by pip into a folder of its own.
bench-counts: setup-test
	@tools/build.sh release
	@$(if $(WHEEL),rm -rf build/wheel && $(VENV) -m pip install -q --no-index --no-deps \
	    --disable-pip-version-check --target build/wheel $(WHEEL))
	@PYTHONPATH=build/release/site $(VENV) bench/counts.py --json $(or $(JSON),build/counts.json) \
	    $(if $(WHEEL),--other build/wheel)

bench-tls bench-dial: setup-test
bench-deadlines bench-ps bench-waits bench-capture: setup-demo
bench-tls bench-deadlines bench-dial bench-ps bench-waits bench-capture: bench-%:
	@tools/build.sh release
	@PYTHONPATH=build/release/site $(VENV) bench/$*.py $(if $(ONLY),--only "$(ONLY)") \
	    $(if $(JSON),--json $(JSON)) $(if $(OTHER),--other $(OTHER)) \
	    $(if $(SVG),--svg $(SVG)) $(if $(FOLDER),--folder "$(FOLDER)")

soak-tls: setup-demo
	@tools/build.sh plain
	@PYTHONPATH=build/plain/site $(VENV) bench/soak_tls.py --seconds $(or $(SECONDS),600)

tsan: setup-test
	@$(VENV) tools/run_tests.py c-tsan

valgrind: setup-test
	@$(VENV) tools/run_tests.py c-valgrind

coverage: setup-test
	@$(VENV) tools/coverage.py

differential: setup-test
	@tools/build.sh plain
	@PYTHONPATH=build/plain/site $(VENV) tests/differential/run.py --seconds $(or $(SECONDS),60)

fuzz: setup-test
	@tools/build.sh fuzz
	@$(VENV) tools/run_fuzz.py --seconds $(or $(SECONDS),60) $(TARGET)

lint: setup-test
	@tools/build.sh plain
	@$(VENV) tools/lint

format: setup-test
	@build/venv/bin/clang-format -i $$(find include core python tests examples bench fuzz -name '*.[ch]')
	@build/venv/bin/ruff check --quiet --fix

# PYTHON=... for one that apt has there (python3.15).
check-fresh:
	@PYTHON=$(if $(filter file,$(origin PYTHON)),,$(PYTHON)) tools/check_fresh.sh $(SUITE)

matrix:
	@$(PYTHON) tools/matrix.py $(if $(JSON),--json $(JSON)) $(ROWS)

big-endian:
	@tests/lab/other-machine.sh s390x $(SUITES)

musl: setup-test
	@tests/lab/other-builds.sh musl

m32: setup-test
	@tests/lab/other-builds.sh m32 m32-clang

clang: setup-test
	@$(VENV) tools/run_tests.py c-clang py-clang

# Without PYTHON=... it takes Debian's, whose socket module has all families.
guest:
	@PYTHON=$(if $(filter file,$(origin PYTHON)),,$(PYTHON)) tests/lab/guest/run.sh $(PARTS)

dist:
	@tools/dist.sh $(VERSIONS)

check-dist:
	@tools/check_dist.sh $(VERSIONS)

release-check: setup-test
	@tools/setup.sh dist
	@tools/build.sh plain
	@$(VENV) tools/release_check.py

conformance-sid:
	@tests/lab/debian.sh sid $(PARTS)

free-threaded:
	@tests/lab/free-threaded.sh $(PARTS)

clean:
	rm -rf build
