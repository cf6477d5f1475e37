"""Feature flags in a SQLite database, as a backend of gitops. The protocol is in docs/external-backends.md."""
import json
import sqlite3
import sys
import uuid

COLUMNS = "name, fields, label, version, incarnation"
FIELDS = {"enabled": bool, "percent": int, "note": str, "token": str}


class Refused(Exception):
    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def shown(row):
    name, fields, label, version, incarnation = row
    item = {"id": name, "name": name, "version": version, "incarnation": incarnation, "label": label}
    try:
        item["fields"] = {key: value for key, value in json.loads(fields).items() if key != "token"}
    except ValueError as error:
        item["unreadable"] = str(error)
    return item


def read(name):
    return db.execute(f"SELECT {COLUMNS} FROM flags WHERE name = ?", [name]).fetchone()


def merged(old, new):
    for key, value in new.items():
        if value is not None and type(value) is not FIELDS.get(key):
            raise Refused("invalid", f"a flag has no such field: {key}")
    return json.dumps({key: value for key, value in {**old, **new}.items() if value is not None})


def hello(ask):
    return {"protocol": 1, "name": "flags", "kinds": ["Flag"], "named": True, "conditional": True,
            "secrets": ["token"], "defaults": {"percent": 100}, "maxBytes": 65536, "maxName": 200}


def list_flags(ask):
    after = ask["page"] or ""
    rows = db.execute(f"SELECT {COLUMNS} FROM flags WHERE name > ? ORDER BY name LIMIT 50", [after]).fetchall()
    return {"items": [shown(row) for row in rows], "next": rows[-1][0] if len(rows) == 50 else None}


def get(ask):
    row = read(ask["item"])
    return {"object": row and shown(row)}


def create(ask):
    fields = merged({"percent": 100}, ask["fields"])
    row = [ask["name"], fields, ask["label"], uuid.uuid4().hex, uuid.uuid4().hex]
    if db.execute(f"INSERT OR IGNORE INTO flags ({COLUMNS}) VALUES (?, ?, ?, ?, ?)", row).rowcount == 0:
        raise Refused("conflict", "there is such a flag")
    return get({"item": ask["name"]})


def change(ask, sql, values):
    if db.execute(sql + " WHERE name = ? AND version = ?", [*values, ask["item"], ask["expect"]]).rowcount == 0:
        raise Refused("conflict", "the flag is another one by now")
    return get(ask)


def update(ask):
    fields = merged(json.loads((read(ask["item"]) or [0, "{}"])[1]), ask["fields"])
    return change(ask, "UPDATE flags SET fields = ?, label = ?, version = ?", [fields, ask["label"], uuid.uuid4().hex])


CALLS = {"hello": hello, "list": list_flags, "get": get, "create": create, "update": update,
         "delete": lambda ask: change(ask, "DELETE FROM flags", [])}
for line in sys.stdin:
    ask = json.loads(line)
    if ask["call"] == "hello":
        db = sqlite3.connect(ask["settings"]["database"], timeout=10, isolation_level=None)
        db.execute(f"CREATE TABLE IF NOT EXISTS flags ({COLUMNS}, PRIMARY KEY (name))")
    db.execute("BEGIN IMMEDIATE")
    try:
        answer, end = CALLS[ask["call"]](ask), "COMMIT"
    except Refused as refused:
        answer, end = {"error": {"kind": refused.kind, "message": str(refused)}}, "ROLLBACK"
    db.execute(end)
    print(json.dumps({"id": ask["id"], **answer}), flush=True)
