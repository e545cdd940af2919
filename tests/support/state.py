"""(filled by its room)"""
