"""Stands between gitops and a backend, and fails on purpose: `faulty.py CONTROL SCRIPT`.

CONTROL is a file of two lines: how many requests pass before the one that fails ("all" for none, "pages" for
requests for later pages), and the fault."""
import json
import subprocess
import sys

control, script = sys.argv[1:]
child = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def answered(line):
    child.stdin.write(line)
    child.stdin.flush()
    return child.stdout.readline()


def fault_of(ask):
    """The fault of this request, if it has one."""
    if ask["call"] == "hello":
        return None
    with open(control, encoding="utf-8") as file:
        passing, fault = file.read().split("\n")[:2]
    if fault == "":
        return None
    if passing == "all":
        return json.loads(fault)
    if passing == "pages":
        return json.loads(fault) if ask.get("page") else None
    rest = str(int(passing) - 1)
    with open(control, "w", encoding="utf-8") as file:
        file.write("\n" if passing == "0" else f"{rest}\n{fault}\n")
    return json.loads(fault) if passing == "0" else None


for line in sys.stdin:
    ask = json.loads(line)
    fault = fault_of(ask)
    if fault is None:
        sys.stdout.write(answered(line))
    elif fault == "lost":
        answered(line)
        sys.exit(1)
    elif fault == "cut":
        answer = answered(line)
        sys.stdout.write(answer[: len(answer) // 2])
        sys.exit(1)
    elif fault == "quoted":
        message = "this is wrong: " + line
        sys.stdout.write(json.dumps({"id": ask["id"], "error": {"kind": "invalid", "message": message}}) + "\n")
    else:
        sys.stdout.write(json.dumps({"id": ask["id"], "error": fault}) + "\n")
    sys.stdout.flush()
