"""Executors: what puts jobs to work. Built in: `local` (this machine, with limits and a queue) and `dask` (others)."""

from __future__ import annotations

from workbench.jobs.executors._base import DEFAULT, EXECUTORS, Executor, Ticket, TicketState, register

__all__ = ["DEFAULT", "EXECUTORS", "Executor", "Ticket", "TicketState", "register"]
