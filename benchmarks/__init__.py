"""Figures, measured: server CPU per message, as ratios to the raw server in the same run."""
