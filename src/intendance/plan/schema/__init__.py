"""Every option of `intendance.yaml`: its type, a sentence, a unit where it has one, an example.

This is the one declaration. `schema.json` is generated from it (`python -m intendance.plan.reference`) and is what
`plan check` enforces and what editors read, so that nothing imports pydantic while a plan is checked: the import alone
takes 250 ms of the 300 ms that a check may take (measured on 2 cores, pydantic 2.14).
"""

from intendance.plan.schema.generate import json_schema
from intendance.plan.schema.root import Plan

__all__ = ["Plan", "json_schema"]
