"""Cuts the power of a gateway under load and holds what is on the disk against what callers were
told. `run.sh` has mounted the disks and says the rest."""

import asyncio
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import time

from callers import Callers, ENDS, whole
from stub import Platform

KEY_HASH = "sha256:ee32b6dd217b2597966c6f81021993c5b0d612308bdc616775b15484ef2d37a8"
CUTS = int(os.environ.get("CUTS", "50"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().getrandbits(32))))
CALLERS = int(os.environ.get("CALLERS", "16"))
ENVIRONMENT = {"CREDENTIAL": "none", "PATH": os.environ["PATH"]}
PROGRAM, FOLDER = sys.argv[1:3]
# So many cuts of one disk, before the gateway starts anew with an empty store.
A_ROUND = 25


class Gateway:
    """The program on a store."""

    def __init__(self, store, platform, durability, log):
        self.text = f"""
log: {{ json: true, filter: info }}
listen: {{ api: 127.0.0.1:0, admin: 127.0.0.1:0 }}
store: {{ url: "sqlite://{store}" }}
audit: {{ durability: {durability} }}
runs: {{ kept: 1000000, max_background: 100000 }}
identity: {{ keys: [{{ name: suite, workspace: acme, scopes: ["runs:read", "runs:write"], hash: "{KEY_HASH}" }}] }}
upstreams:
  acp: {{ kind: acp, base_url: "http://127.0.0.1:{platform}/acp", workspace: acme, breaker: {{ failures: 1000 }}, credential: "${{env:CREDENTIAL}}" }}
"""
        self.log = f"{FOLDER}/{log}.log"

    async def __aenter__(self):
        file = f"{self.log}.yaml"
        with open(file, "w") as out:
            out.write(self.text)
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([PROGRAM, "serve", "--config", file], stderr=log,
                                            env=ENVIRONMENT)
        for _ in range(2_000):
            for line in open(self.log):
                if '"serving"' in line and line.endswith("\n"):
                    self.port = int(json.loads(line)["api"].rsplit(":", 1)[1])
                    return self
            assert self.process.poll() is None, open(self.log).read()
            await asyncio.sleep(0.01)
        raise AssertionError(open(self.log).read())

    async def __aexit__(self, *_):
        self.process.kill()
        self.process.wait()

    def verify(self):
        """Has the log verified by its key alone, as an auditor would."""
        file, export = f"{self.log}.yaml", f"{self.log}.export"
        key = self.prints("audit", "key", "--config", file).strip()
        with open(export, "w") as out:
            out.write(self.prints("audit", "export", "--config", file))
        self.prints("audit", "verify", export, "--key", key)
        os.remove(export)

    def prints(self, *arguments):
        done = subprocess.run([PROGRAM, *arguments], env=ENVIRONMENT, capture_output=True, text=True)
        assert done.returncode == 0, f"{arguments}: {done.stderr}{done.stdout}"
        return done.stdout


def run(*command):
    subprocess.run(command, check=True)


async def image():
    """The disk as it is at one moment; what was told before counts."""
    before = time.monotonic()
    command = ["cp", "--reflink=always", f"{FOLDER}/outer/disk.img", f"{FOLDER}/outer/cut.img"]
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0
    return before


async def in_image(platform, durability, number):
    """Starts a gateway on what the image has: every run that it tells of, and what its log has."""
    run("mount", "-o", "loop", f"{FOLDER}/outer/cut.img", f"{FOLDER}/cut")
    try:
        began = time.monotonic()
        store = f"{FOLDER}/cut/store.db"
        async with Gateway(store, platform.port, durability, f"cut-{number}") as gateway:
            serving = time.monotonic() - began
            with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as file:
                count = "SELECT count(*) FROM runs WHERE ended_at IS NULL"
                while file.execute(count).fetchone()[0]:
                    assert time.monotonic() - began < 20, "runs of a process that is gone stay"
                    await asyncio.sleep(0.05)
                took = time.monotonic() - began
                records = verify_log(file)
            runs, cursor = {}, ""
            while cursor is not None:
                path = f"/v1/runs?limit=100{cursor and '&cursor='}{cursor}"
                _, page = await whole(gateway.port, "GET", path)
                runs.update((each["id"], each) for each in page["data"])
                cursor = page["next_cursor"]
        gateway.verify()
        return runs, records, serving, took
    finally:
        run("umount", f"{FOLDER}/cut")


def verify_log(file):
    """The log has no gap and is about what it says; how many records of each stage a run has."""
    assert file.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    records, last = {}, 0
    for number, stage, run_id, body in file.execute(
            "SELECT number, stage, run_id, body FROM audit_log ORDER BY number"):
        assert number == last + 1, f"the log has a gap at {number}"
        last = number
        assert json.loads(body)["stage"] == stage
        if run_id is not None:
            of_run = records.setdefault(run_id, {"admitted": 0, "ended": 0})
            of_run[stage] = of_run.get(stage, 0) + 1
    return records


def missing(journal, before, runs, records):
    """What callers had been told before the power was cut, and is not on the disk."""
    wrong = []
    for name, told in journal.named.items():
        if told < before and (name not in runs or records.get(name, {}).get("admitted") != 1):
            wrong.append(f"{name} was named and has {records.get(name)}")
    for name, (told, status) in journal.ended.items():
        now = runs.get(name, {}).get("status")
        if told < before and now != status:
            wrong.append(f"{name} was shown as {status} and is {now}")
    for name, each in runs.items():
        of_run = records.get(name, {})
        if each["status"] not in ENDS or (of_run.get("admitted"), of_run.get("ended")) != (1, 1):
            wrong.append(f"{name} is {each['status']} and has {of_run}")
    wrong += [f"{name} has records and is no run" for name in records if name not in runs]
    return wrong


async def round_of(cuts, durability, rng, platform, totals):
    for name in os.listdir(f"{FOLDER}/live"):
        if name.startswith("store.db"):
            run("rm", "-rf", f"{FOLDER}/live/{name}")
    async with Gateway(f"{FOLDER}/live/store.db", platform.port, durability, "live") as gateway:
        callers = Callers(gateway.port, rng)
        tasks = [asyncio.create_task(callers.live()) for _ in range(CALLERS)]
        while len(callers.journal.ended) < CALLERS:
            failed = [task for task in tasks if task.done()]
            assert not failed, failed[0].exception()
            await asyncio.sleep(0.1)
        for number in range(cuts):
            await asyncio.sleep(rng.uniform(0.05, 1.0))
            before = await image()
            runs, records, serving, took = await in_image(platform, durability, number)
            told = [each for each in callers.journal.named.values() if each < before]
            wrong = missing(callers.journal, before, runs, records)
            assert not wrong, f"cut {number}, {durability}: {len(wrong)} {wrong[:10]}"
            # The test has teeth: one run that was never there is missed.
            false = "run_00000000-0000-7000-8000-000000000000"
            callers.journal.named[false] = before - 1
            assert len(missing(callers.journal, before, runs, records)) == 1
            del callers.journal.named[false]
            totals["cuts"] += 1
            totals["told"] += len(told)
            totals["runs"] += len(runs)
            codes = [(each["error"] or {}).get("code") for each in runs.values()]
            totals["in flight"] += codes.count("interrupted")
            totals["slowest start"] = max(totals["slowest start"], round(serving, 2))
            totals["slowest recovery"] = max(totals["slowest recovery"], round(took, 2))
            failed = [task for task in tasks if task.done()]
            assert not failed, failed[0].exception()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not callers.refused, callers.refused
        totals["runs under load"] += len(callers.journal.named)


async def main():
    print(f"CUTS={CUTS} SEED={SEED}", flush=True)
    rng = random.Random(SEED)
    platform = Platform(rng)
    server = await platform.start()
    totals = {"cuts": 0, "told": 0, "runs": 0, "in flight": 0, "runs under load": 0,
              "slowest start": 0, "slowest recovery": 0}
    began, rounds = time.monotonic(), 0
    given = os.environ.get("DURABILITY")
    while totals["cuts"] < CUTS:
        durability = given or ("strict", "overlap")[rounds % 2]
        left = min(A_ROUND, CUTS - totals["cuts"])
        await round_of(left, durability, rng, platform, totals)
        rounds += 1
        print(f"{time.monotonic() - began:.0f} s, {durability}: {totals}", flush=True)
    server.close()
    print("nothing that was told is missing")


asyncio.run(main())
