from __future__ import annotations
import os, sys, json
from pathlib import Path
import pytest
from ansible_collections.esper.cloud.tests.laws.objects import objects_of, preparation_of
from ansible_collections.esper.cloud.tests.laws.subjects import subjects
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant_export import EXPORTED_KINDS
KINDS={k.name:k for k in EXPORTED_KINDS}
import yaml
class L(yaml.SafeLoader): pass
L.add_constructor("!unsafe", lambda l,n: l.construct_scalar(n))
@pytest.mark.parametrize("subject", [s for s in subjects() if s.name in KINDS], ids=str)
def test_x(world, subject, tmp_path):
    world.begin(preparation_of(subject))
    o=objects_of(subject)
    world.must(subject.name, o.create)
    if not subject.singleton and subject.creates and o.second: world.must(subject.name, o.create_second)
    r=world.must("tenant_export", {"dest": str(tmp_path/"t"), "kinds":[subject.name]})
    for f in sorted((tmp_path/"t").rglob("*.yml")):
        print(f.relative_to(tmp_path)); print(f.read_text())
    print({k:v for k,v in r.result.items() if k not in("diff","requests")}, r.progress)
    assert not world.must("tenant_export", {"dest": str(tmp_path/"t"), "kinds":[subject.name]}).changed
    items=[yaml.load(f.read_text(), L) for f in sorted((tmp_path/"t").rglob("*.yml"))]
    items=[i for x in items for i in (x if isinstance(x,list) else [x])]
    def strip(v):
        if isinstance(v,dict): return {k:strip(x) for k,x in v.items() if not (isinstance(x,str) and "default(omit)" in x)}
        if isinstance(v,list): return [strip(x) for x in v]
        return v
    items=strip(items)
    run=world.must("tenant", {KINDS[subject.name].tenant_option: items[0] if subject.singleton else items}, check_mode=True)
    print([ (x["name"],x["action"],x["fields"]) for x in run.result["objects"]], [r["method"]+" "+r["path"] for r in run.requests])
    assert not run.changed, run.diff
    assert items
