"""The floor that every script stands on: errors, artefacts, arguments, device, provenance.

Imports nothing of ours, so that everything else may import it.
"""
