"""The form of a template: what the API checks of its body, for people. Values of variables go in and never come out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.fields import InvalidJSONInput
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from common.api.parsers import loads
from common.errors import Invalid
from instances import specs
from instances.models.instance import default_tools
from sites.admin_served import ServedForm


class _Environment(forms.JSONField):
    """Environment variables as a JSON object. Write-only: what was typed is not shown again either."""

    def prepare_value(self, value: Any) -> str:
        return ""

    def bound_data(self, data: Any, initial: Any) -> str:
        return ""

    def to_python(self, value: Any) -> Any:
        return _parsed(value)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is None:
            return
        if not isinstance(value, dict) or any(not isinstance(text, str) for text in value.values()):
            raise forms.ValidationError('An object of strings, such as {"NAME": "value"}.')
        if max(map(len, value.values()), default=0) > specs.VALUE_CHARACTERS:
            raise forms.ValidationError(f"At most {specs.VALUE_CHARACTERS} characters in each value.")
        _refuse(specs.problems_of_environment(value))


class _Configuration(forms.JSONField):
    def bound_data(self, data: Any, initial: Any) -> str:
        return InvalidJSONInput(data or "")  # as it was typed, and not parsed by laxer rules than ours

    def to_python(self, value: Any) -> Any:
        found = _parsed(value)
        return {} if found is None else found

    def validate(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise forms.ValidationError('An object, such as {"width": 1280}.')
        _refuse(specs.problems_of_configuration(value))


class TemplateForm(ServedForm):
    """What the API checks of a template's body, for people."""

    configuration = _Configuration(
        required=False,
        widget=UnfoldAdminTextareaWidget,
        help_text="JSON. Of meaning: width, height, memory_mib, disk_mib, on_loss.",
    )
    environment = _Environment(
        required=False,
        label="New environment variables",
        widget=UnfoldAdminTextareaWidget,
        help_text='All of them, as JSON: {"NAME": "value"}. Never shown again. Empty: as they are.',
    )
    tools_enabled = forms.MultipleChoiceField(
        choices=[(tool, tool) for tool in specs.TOOLS],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=default_tools,
    )

    def clean_description(self) -> str:
        return _no_longer_than(specs.DESCRIPTION_CHARACTERS, self.cleaned_data["description"])

    def clean_startup_script(self) -> str:
        """A browser sends the ends of lines as no shell wants them."""
        return _no_longer_than(specs.SCRIPT_CHARACTERS, self.cleaned_data["startup_script"].replace("\r\n", "\n"))

    def clean_required_variables(self) -> list[str]:
        names: list[str] = self.cleaned_data["required_variables"]
        if len(names) > specs.REQUIRED_NAMES or not all(map(specs.is_name_of_variable, names)):
            raise forms.ValidationError(f"At most {specs.REQUIRED_NAMES} names of variables, with commas between them.")
        return names

    def said(self) -> dict[str, Any]:
        given = self.cleaned_data["environment"]
        return super().said() | ({} if given is None else {"environment_variables": given})


def _parsed(text: Any) -> Any:
    try:
        return loads(text.encode()) if isinstance(text, str) and text.strip() else None
    except (Invalid, UnicodeEncodeError) as error:
        raise forms.ValidationError("That is not valid JSON.") from error


def _refuse(problems: list[str] | dict[str, str]) -> None:
    if isinstance(problems, dict):
        problems = [f"{name}: {problem}" for name, problem in problems.items()]
    if problems:
        raise forms.ValidationError(problems)


def _no_longer_than(most: int, text: str) -> str:
    if len(text) > most:
        raise forms.ValidationError(f"At most {most} characters.")
    return text
