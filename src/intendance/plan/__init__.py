"""The maintenance plan: what may stand in `intendance.yaml`, how it is read, checked and compiled.

`schema/` declares every option (pydantic, imported only to generate `schema.json` and by tests); `load.py` reads a
file against `schema.json` and the rules between options; `adopted.py` keeps the compiled form.
"""
