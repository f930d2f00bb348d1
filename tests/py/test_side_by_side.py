"""tools/side_by_side.py, which runs the tests: in order, and with nothing left behind?"""

import importlib
import os
import pathlib
import sys

import pytest
import testkit

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"

pytestmark = pytest.mark.skipif(testkit.SANITISED, reason="nothing of csock's own runs here")


@pytest.fixture
def side_by_side(monkeypatch, folder):
    monkeypatch.syspath_prepend(TOOLS)
    module = importlib.import_module("side_by_side")
    monkeypatch.setattr(module, "GRACE", 0.3)
    return module


@pytest.fixture
def job(side_by_side):
    """Makes jobs of shell scripts; job.told has what was said of them."""

    def make(name, script, limit=100):
        def done(status, output, seconds):
            make.told.append((name, status, output))

        return side_by_side.Job(name, ["sh", "-c", script], limit, done)

    make.told = []
    return make


def test_results_come_in_order_whichever_ends_first(side_by_side, job):
    """With one at a time the first would wait for ever for the second."""
    wait = "echo waits; until [ -e second ]; do sleep 0.01; done; echo ends; exit 3"
    jobs = [job("first", wait), job("second", "echo out; echo err >&2; touch second"), job("3", "")]
    side_by_side.run(jobs, at_once=2)
    assert job.told == [("first", 3, "waits\nends\n"), ("second", 0, "out\nerr\n"), ("3", 0, "")]


def test_one_at_a_time(side_by_side, job):
    alone = "mkdir alone && sleep 0.1 && rmdir alone"
    side_by_side.run([job(n, alone) for n in range(3)], at_once=1)
    assert job.told == [(n, 0, "") for n in range(3)]


def test_live_output_goes_where_ours_goes(side_by_side, job, capfd):
    side_by_side.run([job("first", "echo out; echo err >&2")], at_once=1, live=True)
    assert capfd.readouterr() == ("--- first\nout\n", "err\n")
    assert job.told == [("first", 0, "")]


def test_processors_are_those_that_this_process_may_use(side_by_side):
    program = (
        "import os, side_by_side; os.sched_setaffinity(0, {%d}); print(side_by_side.processors())"
    )
    one = min(os.sched_getaffinity(0))
    done = testkit.run_python(program % one, env={**os.environ, "PYTHONPATH": str(TOOLS)})
    assert done.stdout == "1\n"
    assert side_by_side.processors() == len(os.sched_getaffinity(0))


# It ignores what would end it, and so does what it starts, in its own session and in another one.
STUBBORN = """
trap "" INT TERM
sh -c 'echo $$ > one; exec sleep 1000' &
setsid sh -c 'echo $$ > two; sh -c "echo \\$\\$ > three; exec sleep 1000"; exit' &
echo $$ > four
wait
"""
NAMES = "one", "two", "three", "four"


def pids(folder):
    """Of all of them, once they run."""
    testkit.wait_for(lambda: all((folder / n).exists() and (folder / n).read_text() for n in NAMES))
    return {int((folder / name).read_text()) for name in NAMES}


def living(side_by_side):
    return {pid for pid, _ in side_by_side.processes()}


def test_what_hangs_ends_with_all_that_it_has_started(side_by_side, job, folder):
    hanging, found = job("first", STUBBORN), set()

    def limit():
        found.update(pids(folder))
        assert found <= living(side_by_side)
        hanging.limit = 0

    limiting = testkit.Job(limit)
    side_by_side.run([hanging, job("second", "echo fine")], at_once=2)
    limiting.result()
    assert [told[:2] for told in job.told] == [("first", "a hang of 0 s"), ("second", 0)]
    assert len(found) == 4 and not found & living(side_by_side)


class Stop(Exception):
    pass


def test_whatever_ends_the_run_ends_what_runs(side_by_side, job, folder, capsys):
    tidy = "trap 'echo tidy; exit' INT; touch tidies; while :; do sleep 0.01; done"

    def stop(*_):
        found.update(pids(folder))
        raise Stop

    found = set()
    waits = "until [ -e tidies -a -s three -a -s four -a -e over ]; do sleep 0.01; done"
    stops = side_by_side.Job("stops", ["sh", "-c", waits], 100, stop)
    first = [stops, job("stubborn", STUBBORN), job("tidy", tidy), job("over", "touch over")]
    with pytest.raises(Stop):
        side_by_side.run([*first, job("idle", "sleep 1000"), job("last", "touch last")], at_once=4)
    assert len(found) == 4 and not found & living(side_by_side)
    assert "--- tidy: cut short\ntidy\n" in capsys.readouterr().out
    assert not (folder / "last").exists()


def test_a_program_that_is_called(side_by_side, capfd):
    assert side_by_side.call([sys.executable, "-c", "print('here'); exit(5)"]) == 5
    assert capfd.readouterr() == ("here\n", "")
