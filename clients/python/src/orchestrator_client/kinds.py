"""Any one action as data: what `act` takes. The platform takes lists of them as well, by `endpoints`."""

from __future__ import annotations

from typing import TypeAlias

from orchestrator_client import fields as sent

Action: TypeAlias = (
    sent.Click
    | sent.Move
    | sent.Drag
    | sent.Scroll
    | sent.Type
    | sent.Press
    | sent.CursorPosition
    | sent.Wait
    | sent.Screenshot
    | sent.Bash
    | sent.Edit
    | sent.ReadFile
    | sent.WriteFile
    | sent.ListFiles
    | sent.GetEnvironment
    | sent.SetEnvironment
    | sent.UnsetEnvironment
    | sent.CurrentUrl
    | sent.Navigate
)
