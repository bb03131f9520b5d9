"""sacctmgr (man page of 22.05): show associations, QOS and clusters."""

import sys

from fakeslurm.program import RefusedError

_ORDER = {
    "assoc": "cluster,account,user,partition,share,grpjobs,maxjobs,maxsubmit,qos,defaultqos",
    "qos": "name,priority,gracetime,preemptmode,maxwall,maxsubmitpu,flags",
    "cluster": "cluster,controlhost,controlport,rpc",
    "account": "account,descr,org",
    "user": "user,defaultaccount,admin",
}
_TITLES = {
    "cluster": "Cluster", "account": "Account", "user": "User", "partition": "Partition", "share": "Share",
    "grpjobs": "GrpJobs", "maxjobs": "MaxJobs", "maxsubmit": "MaxSubmit", "maxsubmitjobs": "MaxSubmit",
    "qos": "QOS", "defaultqos": "Def QOS", "name": "Name", "priority": "Priority", "gracetime": "GraceTime",
    "preemptmode": "PreemptMode", "maxwall": "MaxWall", "maxsubmitpu": "MaxSubmitPU", "maxjobspu": "MaxJobsPU",
    "flags": "Flags", "controlhost": "ControlHost", "controlport": "ControlPort", "rpc": "RPC", "descr": "Descr",
    "org": "Org", "defaultaccount": "Def Acct", "admin": "Admin", "mintres": "MinTRES",
}  # fmt: skip


def main(store, argv):
    if store.knobs["sacct"]["off"]:
        raise RefusedError(
            "You are not running a supported accounting_storage plugin\n"
            "Only 'accounting_storage/slurmdbd' is supported."
        )
    flags = "".join(word.lstrip("-") for word in argv if word.startswith("-") and "=" not in word)
    rest = [word for word in argv if not word.startswith("-")]
    if not rest or rest[0] not in ("show", "list"):
        raise RefusedError(f"sacctmgr: error: the fake Slurm only shows: {' '.join(argv)}")
    noun = next((known for known in _ORDER if rest[1:] and rest[1].lower().startswith(known[:4])), None)
    if noun is None:
        raise RefusedError("Invalid entity")
    told = dict(
        part.lower().partition("=")[::2] if "format" in part.lower() else part.partition("=")[::2]
        for part in rest[2:]
        if "=" in part
    )
    fields = [field.partition("%")[0].lower() for field in told.pop("format", _ORDER[noun]).split(",")]
    for field in fields:
        if field not in _TITLES:
            raise RefusedError(f" Unknown field '{field}'")
    rows = [
        row
        for row in _rows(store, noun)
        if all(row.get(name.lower().rstrip("s"), value) in value.split(",") for name, value in told.items())
    ]
    lines = [] if "n" in flags else ["|".join(_TITLES[field] for field in fields)]
    lines += ["|".join(str(row.get(field, "")) for field in fields) for row in rows]
    end = "" if "P" in flags or "parsable2" in flags else "|"
    sys.stdout.write("".join(f"{line}{end}\n" for line in lines))
    return 0


def _rows(store, noun):
    knobs = store.knobs
    user = knobs["user"] or "root"
    if noun == "assoc":
        limit = knobs["max_submit_jobs"] or ""
        return [
            {
                "cluster": knobs["cluster"],
                "account": account,
                "user": user,
                "share": 1,
                "qos": ",".join(knobs["qos"]),
                "maxsubmit": limit,
                "maxsubmitjobs": limit,
            }
            for account in sorted(knobs["accounts"])
        ]
    if noun == "qos":
        return [
            {
                "name": name,
                "priority": 0,
                "gracetime": "00:00:00",
                "preemptmode": "cluster",
                "maxwall": about.get("max_wall", ""),
                "maxsubmitpu": about.get("max_submit", ""),
                "mintres": about.get("min_tres", ""),
            }
            for name, about in knobs["qos"].items()
        ]
    if noun == "cluster":
        return [{"cluster": knobs["cluster"], "controlhost": "127.0.0.1", "controlport": 6817, "rpc": 9728}]
    if noun == "account":
        return [{"account": name, "descr": name, "org": name} for name in sorted(knobs["accounts"])]
    return [{"user": user, "name": user, "defaultaccount": knobs["accounts"][0], "admin": "Administrator"}]
