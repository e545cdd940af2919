"""The words of the trade as frozen data: plan, record, evidence, fact, verdict, errors. Pure; imports nothing of
ours."""
