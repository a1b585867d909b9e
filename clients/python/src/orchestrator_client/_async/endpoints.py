"""The API's nouns and operations. Made from docs/openapi.yaml by generator/; not edited by hand."""

from __future__ import annotations

from typing import Unpack

from orchestrator_client import fields as sent
from orchestrator_client import models
from orchestrator_client._async.pages import AsyncPages
from orchestrator_client._async.resource import AsyncResource
from orchestrator_client._async.transport import AsyncTransport
from orchestrator_client.calls import Call, new_key, segment


class AsyncAgentsEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListAgentsQuery]) -> AsyncPages[models.Agent]:
        """Who acts for the site without being a person.

        `GET /api/agents`
        """
        return self._pages(models.Agent, "/api/agents", query)

    async def create(self, *, idempotency_key: str | None = None, **fields: Unpack[sent.AgentRequest]) -> models.Agent:
        """Who acts for the site without being a person.

        `POST /api/agents`
        """
        return await self._one(models.Agent, Call("POST", "/api/agents", json=fields, key=idempotency_key or new_key()))

    async def get(self, id: str, /) -> models.Agent:
        """Who acts for the site without being a person.

        `GET /api/agents/{id}`
        """
        return await self._one(models.Agent, Call("GET", f"/api/agents/{segment(id)}"))

    async def update(
        self, id: str, /, *, if_match: str | None = None, **fields: Unpack[sent.PatchedAgentRequest]
    ) -> models.Agent:
        """Who acts for the site without being a person.

        `PATCH /api/agents/{id}`
        """
        return await self._one(
            models.Agent, Call("PATCH", f"/api/agents/{segment(id)}", json=fields, if_match=if_match)
        )

    async def delete(self, id: str, /, *, if_match: str | None = None) -> None:
        """Who acts for the site without being a person.

        `DELETE /api/agents/{id}`
        """
        await self._nothing(Call("DELETE", f"/api/agents/{segment(id)}", if_match=if_match))


class AsyncAuditEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListAuditQuery]) -> AsyncPages[models.Audit]:
        """Who did what to which row, and from where; the newest first. Nobody can change or delete an entry.

        `GET /api/audit`
        """
        return self._pages(models.Audit, "/api/audit", query)

    async def export(self) -> bytes:
        """Takes the filters of the list. It is written while it is read, so nothing waits for all of it.

        `GET /api/audit/export`
        """
        return await self._bytes(Call("GET", "/api/audit/export"))


class AsyncBrowserStatesEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListBrowserStatesQuery]) -> AsyncPages[models.BrowserState]:
        """The saved browser states of a site.

        `GET /api/browser-states`
        """
        return self._pages(models.BrowserState, "/api/browser-states", query)

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewBrowserStateRequest]
    ) -> models.BrowserState:
        """Keep a state that you have, sealed.

        `POST /api/browser-states`
        """
        return await self._one(
            models.BrowserState, Call("POST", "/api/browser-states", json=fields, key=idempotency_key or new_key())
        )

    async def get(self, id: str, /) -> models.BrowserState:
        """The saved browser states of a site.

        `GET /api/browser-states/{id}`
        """
        return await self._one(models.BrowserState, Call("GET", f"/api/browser-states/{segment(id)}"))

    async def update(
        self, id: str, /, *, if_match: str | None = None, **fields: Unpack[sent.PatchedRenamedBrowserStateRequest]
    ) -> models.BrowserState:
        """The same as PUT.

        `PATCH /api/browser-states/{id}`
        """
        return await self._one(
            models.BrowserState, Call("PATCH", f"/api/browser-states/{segment(id)}", json=fields, if_match=if_match)
        )

    async def delete(self, id: str, /, *, if_match: str | None = None) -> None:
        """The saved browser states of a site.

        `DELETE /api/browser-states/{id}`
        """
        await self._nothing(Call("DELETE", f"/api/browser-states/{segment(id)}", if_match=if_match))


class AsyncInstancesEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListInstancesQuery]) -> AsyncPages[models.Instance]:
        """The machines of a site.

        `GET /api/instances`
        """
        return self._pages(models.Instance, "/api/instances", query)

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewInstanceRequest]
    ) -> models.Instance:
        """Answered at once, with a `pending` instance; watch its events, or wait for `running`.

        `POST /api/instances`
        """
        return await self._one(
            models.Instance, Call("POST", "/api/instances", json=fields, key=idempotency_key or new_key())
        )

    async def get(self, id: str, /) -> models.Instance:
        """The machines of a site.

        `GET /api/instances/{id}`
        """
        return await self._one(models.Instance, Call("GET", f"/api/instances/{segment(id)}"))

    async def update(
        self, id: str, /, *, if_match: str | None = None, **fields: Unpack[sent.PatchedChangedInstanceRequest]
    ) -> models.Instance:
        """Change what is sent and leave the rest: PUT and PATCH mean the same.

        `PATCH /api/instances/{id}`
        """
        return await self._one(
            models.Instance, Call("PATCH", f"/api/instances/{segment(id)}", json=fields, if_match=if_match)
        )

    async def delete(self, id: str, /, *, if_match: str | None = None) -> models.Instance:
        """Accepted in every status. The machine is destroyed first, then the row is hidden.

        `DELETE /api/instances/{id}`
        """
        return await self._one(models.Instance, Call("DELETE", f"/api/instances/{segment(id)}", if_match=if_match))

    async def load_browser(
        self, id: str, /, *, idempotency_key: str | None = None, **fields: Unpack[sent.LoadBrowserStateRequest]
    ) -> models.BrowserState:
        """Add a saved state to what it has; open pages see it once they load again. Needs `browser-states:read`.

        `POST /api/instances/{id}/browser/load`
        """
        return await self._one(
            models.BrowserState,
            Call("POST", f"/api/instances/{segment(id)}/browser/load", json=fields, key=idempotency_key or new_key()),
        )

    async def save_browser(
        self, id: str, /, *, idempotency_key: str | None = None, **fields: Unpack[sent.SaveBrowserStateRequest]
    ) -> models.BrowserState:
        """Save its cookies and local storage under a name. Needs `browser-states:write`.

        `POST /api/instances/{id}/browser/save`
        """
        return await self._one(
            models.BrowserState,
            Call("POST", f"/api/instances/{segment(id)}/browser/save", json=fields, key=idempotency_key or new_key()),
        )

    async def cdp(self, id: str, /) -> models.Cdp:
        """A fresh signed address, good for an hour. Several clients may use it at once.

        `GET /api/instances/{id}/cdp`
        """
        return await self._one(models.Cdp, Call("GET", f"/api/instances/{segment(id)}/cdp"))

    def list_events(self, id: str, /, **query: Unpack[sent.ListInstanceEventsQuery]) -> AsyncPages[models.Event]:
        """An instance's history: a list, or with `Accept: text/event-stream` the whole of it and then what comes.

        `GET /api/instances/{id}/events`
        """
        return self._pages(models.Event, f"/api/instances/{segment(id)}/events", query)

    async def extend(
        self, id: str, /, *, idempotency_key: str | None = None, **fields: Unpack[sent.ExtensionRequest]
    ) -> models.Instance:
        """Let it run for so long from now on; without a body, for its whole time limit again. An end that is further
        off stays.

        `POST /api/instances/{id}/extend`
        """
        return await self._one(
            models.Instance,
            Call("POST", f"/api/instances/{segment(id)}/extend", json=fields, key=idempotency_key or new_key()),
        )

    async def file(self, id: str, /, **query: Unpack[sent.GetInstanceFileQuery]) -> bytes:
        """The file's bytes. `X-File-Size` is the whole file's size: a longer one comes in several parts.

        `GET /api/instances/{id}/files`
        """
        return await self._bytes(Call("GET", f"/api/instances/{segment(id)}/files", params=query))

    async def frame(self, id: str, /) -> models.Frames:
        """A fresh signed address, good for an hour.

        `GET /api/instances/{id}/frames`
        """
        return await self._one(models.Frames, Call("GET", f"/api/instances/{segment(id)}/frames"))

    def list_logs(self, id: str, /, **query: Unpack[sent.ListInstanceLogsQuery]) -> AsyncPages[models.Log]:
        """Newest first.

        `GET /api/instances/{id}/logs`
        """
        return self._pages(models.Log, f"/api/instances/{segment(id)}/logs", query)

    async def create_log(
        self, id: str, /, body: sent.LogEntriesRequest, *, idempotency_key: str | None = None
    ) -> models.LogOrWritten:
        """Write one entry, or a list of up to 1,000, of which all are written or none.

        `POST /api/instances/{id}/logs`
        """
        return await self._one(
            models.LogOrWritten,
            Call("POST", f"/api/instances/{segment(id)}/logs", json=body, key=idempotency_key or new_key()),
        )

    async def pause(self, id: str, /, *, idempotency_key: str | None = None) -> models.Instance:
        """Hold a running instance still, with all that it does; where its machines cannot be, it is stopped.

        `POST /api/instances/{id}/pause`
        """
        return await self._one(
            models.Instance, Call("POST", f"/api/instances/{segment(id)}/pause", key=idempotency_key or new_key())
        )

    def list_plans(self, id: str, /, **query: Unpack[sent.ListInstancePlansQuery]) -> AsyncPages[models.Plan]:
        """An instance's plans, newest first.

        `GET /api/instances/{id}/plans`
        """
        return self._pages(models.Plan, f"/api/instances/{segment(id)}/plans", query)

    async def create_plan(
        self, id: str, /, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewInstancePlanRequest]
    ) -> models.Plan:
        """Add a plan to the instance.

        `POST /api/instances/{id}/plans`
        """
        return await self._one(
            models.Plan,
            Call("POST", f"/api/instances/{segment(id)}/plans", json=fields, key=idempotency_key or new_key()),
        )

    def list_recordings(
        self, id: str, /, **query: Unpack[sent.ListInstanceRecordingsQuery]
    ) -> AsyncPages[models.Recording]:
        """Newest first. They stay when the instance is deleted, until they are deleted themselves or expire.

        `GET /api/instances/{id}/recordings`
        """
        return self._pages(models.Recording, f"/api/instances/{segment(id)}/recordings", query)

    async def create_recording(
        self, id: str, /, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewRecordingRequest]
    ) -> models.Recording:
        """Begin one: now where the instance runs, else when it does. 409 while another is under way.

        `POST /api/instances/{id}/recordings`
        """
        return await self._one(
            models.Recording,
            Call("POST", f"/api/instances/{segment(id)}/recordings", json=fields, key=idempotency_key or new_key()),
        )

    async def restart(self, id: str, /, *, idempotency_key: str | None = None) -> models.Instance:
        """Stop a running instance and start it again.

        `POST /api/instances/{id}/restart`
        """
        return await self._one(
            models.Instance, Call("POST", f"/api/instances/{segment(id)}/restart", key=idempotency_key or new_key())
        )

    async def resume(self, id: str, /, *, idempotency_key: str | None = None) -> models.Instance:
        """Let a paused instance go on.

        `POST /api/instances/{id}/resume`
        """
        return await self._one(
            models.Instance, Call("POST", f"/api/instances/{segment(id)}/resume", key=idempotency_key or new_key())
        )

    async def retry(self, id: str, /, *, idempotency_key: str | None = None) -> models.Instance:
        """Give an instance in error a new machine; the old one and its disk are destroyed.

        `POST /api/instances/{id}/retry`
        """
        return await self._one(
            models.Instance, Call("POST", f"/api/instances/{segment(id)}/retry", key=idempotency_key or new_key())
        )

    async def start(self, id: str, /, *, idempotency_key: str | None = None) -> models.Instance:
        """Start a stopped instance, its disk as it was left; try one in error anew.

        `POST /api/instances/{id}/start`
        """
        return await self._one(
            models.Instance, Call("POST", f"/api/instances/{segment(id)}/start", key=idempotency_key or new_key())
        )

    async def stop(self, id: str, /, *, idempotency_key: str | None = None) -> models.Instance:
        """Stop an instance and keep its disk.

        `POST /api/instances/{id}/stop`
        """
        return await self._one(
            models.Instance, Call("POST", f"/api/instances/{segment(id)}/stop", key=idempotency_key or new_key())
        )

    async def view(self, id: str, /, **query: Unpack[sent.GetInstanceViewQuery]) -> models.View:
        """A fresh signed link, good for opening it within ten minutes. To drive needs `instances:act`.

        `GET /api/instances/{id}/view`
        """
        return await self._one(models.View, Call("GET", f"/api/instances/{segment(id)}/view", params=query))

    async def view_driver(self, id: str, /) -> models.Driver:
        """`driver` is null while nobody does. While somebody does, input by actions is a 409 with code `DRIVEN`.

        `GET /api/instances/{id}/view/driver`
        """
        return await self._one(models.Driver, Call("GET", f"/api/instances/{segment(id)}/view/driver"))


class AsyncInvitationsEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListInvitationsQuery]) -> AsyncPages[models.Invitation]:
        """Who was asked into the site. The token is in the letter to them and in no answer.

        `GET /api/invitations`
        """
        return self._pages(models.Invitation, "/api/invitations", query)

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewInvitationRequest]
    ) -> models.Invitation:
        """Ask somebody into the site by mail; in a role that is not above yours. An earlier open invitation ends.

        `POST /api/invitations`
        """
        return await self._one(
            models.Invitation, Call("POST", "/api/invitations", json=fields, key=idempotency_key or new_key())
        )

    async def get(self, id: str, /) -> models.Invitation:
        """Who was asked into the site. The token is in the letter to them and in no answer.

        `GET /api/invitations/{id}`
        """
        return await self._one(models.Invitation, Call("GET", f"/api/invitations/{segment(id)}"))

    async def delete(self, id: str, /, *, if_match: str | None = None) -> None:
        """Who was asked into the site. The token is in the letter to them and in no answer.

        `DELETE /api/invitations/{id}`
        """
        await self._nothing(Call("DELETE", f"/api/invitations/{segment(id)}", if_match=if_match))

    async def accept(self, **fields: Unpack[sent.AcceptedInvitationRequest]) -> models.Membership:
        """Somebody new chooses a password. Somebody who has an account joins with that; and chooses one if others have
        chosen theirs. The token is spent by it.

        `POST /api/invitations/accept`
        """
        return await self._one(models.Membership, Call("POST", "/api/invitations/accept", json=fields))


class AsyncKeysEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListKeysQuery]) -> AsyncPages[models.Key]:
        """The site's API keys. A key's secret is in the answer to its making and nowhere else.

        `GET /api/keys`
        """
        return self._pages(models.Key, "/api/keys", query)

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewKeyRequest]
    ) -> models.MadeKey:
        """The site's API keys. A key's secret is in the answer to its making and nowhere else.

        `POST /api/keys`
        """
        return await self._one(models.MadeKey, Call("POST", "/api/keys", json=fields, key=idempotency_key or new_key()))

    async def get(self, id: str, /) -> models.Key:
        """The site's API keys. A key's secret is in the answer to its making and nowhere else.

        `GET /api/keys/{id}`
        """
        return await self._one(models.Key, Call("GET", f"/api/keys/{segment(id)}"))

    async def delete(self, id: str, /, *, if_match: str | None = None) -> None:
        """The site's API keys. A key's secret is in the answer to its making and nowhere else.

        `DELETE /api/keys/{id}`
        """
        await self._nothing(Call("DELETE", f"/api/keys/{segment(id)}", if_match=if_match))


class AsyncLogsEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListLogsQuery]) -> AsyncPages[models.Log]:
        """Newest first, those of deleted instances among them.

        `GET /api/logs`
        """
        return self._pages(models.Log, "/api/logs", query)

    async def create(
        self, body: sent.PlacedLogEntriesRequest, *, idempotency_key: str | None = None
    ) -> models.LogOrWritten:
        """Write one entry or a list of up to 1,000, each naming its instance. All are written or none.

        `POST /api/logs`
        """
        return await self._one(
            models.LogOrWritten, Call("POST", "/api/logs", json=body, key=idempotency_key or new_key())
        )

    async def get(self, id: str, /) -> models.Log:
        """One entry. Entries are never changed, and go when their time is over.

        `GET /api/logs/{id}`
        """
        return await self._one(models.Log, Call("GET", f"/api/logs/{segment(id)}"))


class AsyncMeEndpoints(AsyncResource):
    async def get(self) -> models.Principal:
        """Who the caller is to us: site, role and scopes.

        `GET /api/me`
        """
        return await self._one(models.Principal, Call("GET", "/api/me"))


class AsyncMembershipsEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListMembershipsQuery]) -> AsyncPages[models.Membership]:
        """Who belongs to the site, and in which role.

        `GET /api/memberships`
        """
        return self._pages(models.Membership, "/api/memberships", query)

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewMembershipRequest]
    ) -> models.Membership:
        """Make a person of the platform a member of this site, too; not one whose password others have chosen.

        `POST /api/memberships`
        """
        return await self._one(
            models.Membership, Call("POST", "/api/memberships", json=fields, key=idempotency_key or new_key())
        )

    async def get(self, id: str, /) -> models.Membership:
        """Who belongs to the site, and in which role.

        `GET /api/memberships/{id}`
        """
        return await self._one(models.Membership, Call("GET", f"/api/memberships/{segment(id)}"))

    async def update(
        self, id: str, /, *, if_match: str | None = None, **fields: Unpack[sent.PatchedMembershipRequest]
    ) -> models.Membership:
        """Who belongs to the site, and in which role.

        `PATCH /api/memberships/{id}`
        """
        return await self._one(
            models.Membership, Call("PATCH", f"/api/memberships/{segment(id)}", json=fields, if_match=if_match)
        )

    async def delete(self, id: str, /, *, if_match: str | None = None) -> None:
        """Who belongs to the site, and in which role.

        `DELETE /api/memberships/{id}`
        """
        await self._nothing(Call("DELETE", f"/api/memberships/{segment(id)}", if_match=if_match))


class AsyncPasswordResetsEndpoints(AsyncResource):
    async def request(self, **fields: Unpack[sent.PasswordResetRequest]) -> None:
        """202 whatever the email: who has an account here is not told.

        `POST /api/password-resets`
        """
        await self._nothing(Call("POST", "/api/password-resets", json=fields))

    async def confirm(self, **fields: Unpack[sent.NewPasswordRequest]) -> None:
        """The token is spent by it, and every session of this person ends. API keys stay.

        `POST /api/password-resets/confirm`
        """
        await self._nothing(Call("POST", "/api/password-resets/confirm", json=fields))


class AsyncPlansEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListPlansQuery]) -> AsyncPages[models.Plan]:
        """The plans of a site.

        `GET /api/plans`
        """
        return self._pages(models.Plan, "/api/plans", query)

    async def create(self, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewPlanRequest]) -> models.Plan:
        """Add a plan to an instance.

        `POST /api/plans`
        """
        return await self._one(models.Plan, Call("POST", "/api/plans", json=fields, key=idempotency_key or new_key()))

    async def get(self, id: str, /) -> models.Plan:
        """The plans of a site.

        `GET /api/plans/{id}`
        """
        return await self._one(models.Plan, Call("GET", f"/api/plans/{segment(id)}"))

    async def update(
        self, id: str, /, *, if_match: str | None = None, **fields: Unpack[sent.PatchedChangedPlanRequest]
    ) -> models.Plan:
        """Change what is sent and leave the rest: PUT and PATCH mean the same.

        `PATCH /api/plans/{id}`
        """
        return await self._one(models.Plan, Call("PATCH", f"/api/plans/{segment(id)}", json=fields, if_match=if_match))

    async def delete(self, id: str, /, *, if_match: str | None = None) -> None:
        """The plans of a site.

        `DELETE /api/plans/{id}`
        """
        await self._nothing(Call("DELETE", f"/api/plans/{segment(id)}", if_match=if_match))

    async def cancel(
        self,
        id: str,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[sent.ReasonRequest],
    ) -> models.Plan:
        """Give it up, for good.

        `POST /api/plans/{id}/cancel`
        """
        return await self._one(
            models.Plan,
            Call(
                "POST",
                f"/api/plans/{segment(id)}/cancel",
                json=fields,
                if_match=if_match,
                key=idempotency_key or new_key(),
            ),
        )

    async def complete(
        self, id: str, /, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> models.Plan:
        """Say that it is reached. All steps are completed or skipped by then.

        `POST /api/plans/{id}/complete`
        """
        return await self._one(
            models.Plan,
            Call("POST", f"/api/plans/{segment(id)}/complete", if_match=if_match, key=idempotency_key or new_key()),
        )

    def list_events(self, id: str, /, **query: Unpack[sent.ListPlanEventsQuery]) -> AsyncPages[models.PlanEvent]:
        """A plan's history: a list, or with `Accept: text/event-stream` the whole of it and then what comes.

        `GET /api/plans/{id}/events`
        """
        return self._pages(models.PlanEvent, f"/api/plans/{segment(id)}/events", query)

    async def fail(
        self,
        id: str,
        /,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[sent.ReasonRequest],
    ) -> models.Plan:
        """Say that it is not reached; `reason` becomes its error message.

        `POST /api/plans/{id}/fail`
        """
        return await self._one(
            models.Plan,
            Call(
                "POST",
                f"/api/plans/{segment(id)}/fail",
                json=fields,
                if_match=if_match,
                key=idempotency_key or new_key(),
            ),
        )

    async def pause(
        self, id: str, /, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> models.Plan:
        """Rest with it for a while; its instance may be stopped meanwhile.

        `POST /api/plans/{id}/pause`
        """
        return await self._one(
            models.Plan,
            Call("POST", f"/api/plans/{segment(id)}/pause", if_match=if_match, key=idempotency_key or new_key()),
        )

    async def resume(
        self, id: str, /, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> models.Plan:
        """Go on with a paused plan, on an instance that is running.

        `POST /api/plans/{id}/resume`
        """
        return await self._one(
            models.Plan,
            Call("POST", f"/api/plans/{segment(id)}/resume", if_match=if_match, key=idempotency_key or new_key()),
        )

    async def retry(
        self, id: str, /, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> models.Plan:
        """Have a failed plan be pending again, at most `max_retries` times. What is done stays done.

        `POST /api/plans/{id}/retry`
        """
        return await self._one(
            models.Plan,
            Call("POST", f"/api/plans/{segment(id)}/retry", if_match=if_match, key=idempotency_key or new_key()),
        )

    async def start(
        self, id: str, /, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> models.Plan:
        """Begin with a pending plan, on an instance that is running.

        `POST /api/plans/{id}/start`
        """
        return await self._one(
            models.Plan,
            Call("POST", f"/api/plans/{segment(id)}/start", if_match=if_match, key=idempotency_key or new_key()),
        )

    async def update_step(
        self, id: str, step_id: str, /, *, if_match: str | None = None, **fields: Unpack[sent.PatchedChangedStepRequest]
    ) -> models.Plan:
        """Change one step. The plan begins with the first of its steps and is completed with the last.

        `PATCH /api/plans/{id}/steps/{step_id}`
        """
        return await self._one(
            models.Plan,
            Call("PATCH", f"/api/plans/{segment(id)}/steps/{segment(step_id)}", json=fields, if_match=if_match),
        )


class AsyncProvidersEndpoints(AsyncResource):
    async def get(self) -> models.Offers:
        """In order of preference.

        `GET /api/providers`
        """
        return await self._one(models.Offers, Call("GET", "/api/providers"))


class AsyncRecordingsEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListRecordingsQuery]) -> AsyncPages[models.Recording]:
        """The recordings of a site, also those of instances that are gone.

        `GET /api/recordings`
        """
        return self._pages(models.Recording, "/api/recordings", query)

    async def get(self, id: str, /) -> models.Recording:
        """The recordings of a site, also those of instances that are gone.

        `GET /api/recordings/{id}`
        """
        return await self._one(models.Recording, Call("GET", f"/api/recordings/{segment(id)}"))

    async def delete(self, id: str, /, *, if_match: str | None = None) -> None:
        """The recordings of a site, also those of instances that are gone.

        `DELETE /api/recordings/{id}`
        """
        await self._nothing(Call("DELETE", f"/api/recordings/{segment(id)}", if_match=if_match))

    async def replay(self, id: str, /) -> models.Replay:
        """A fresh signed link, good for opening it within ten minutes; also of a recording that is under way.

        `GET /api/recordings/{id}/replay`
        """
        return await self._one(models.Replay, Call("GET", f"/api/recordings/{segment(id)}/replay"))

    async def stop(self, id: str, /, *, idempotency_key: str | None = None) -> models.Recording:
        """It is `finished` within a second or two, with all that was done until now. Twice is success.

        `POST /api/recordings/{id}/stop`
        """
        return await self._one(
            models.Recording, Call("POST", f"/api/recordings/{segment(id)}/stop", key=idempotency_key or new_key())
        )

    async def video(self, id: str, /) -> bytes:
        """An MP4 (H.264) in the recording's own time, encoded while it is read. 501 where there is no ffmpeg.

        `GET /api/recordings/{id}/video`
        """
        return await self._bytes(Call("GET", f"/api/recordings/{segment(id)}/video"))

    async def zip(self, id: str, /) -> bytes:
        """`manifest.json` with each frame's moment, `frames/` of JPEGs, `actions.jsonl`: what is stored by now.

        `GET /api/recordings/{id}/zip`
        """
        return await self._bytes(Call("GET", f"/api/recordings/{segment(id)}/zip"))


class AsyncSchedulesEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListSchedulesQuery]) -> AsyncPages[models.Schedule]:
        """The schedules of a site.

        `GET /api/schedules`
        """
        return self._pages(models.Schedule, "/api/schedules", query)

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewScheduleRequest]
    ) -> models.Schedule:
        """Write a schedule; it acts as its author, with the role that they have then.

        `POST /api/schedules`
        """
        return await self._one(
            models.Schedule, Call("POST", "/api/schedules", json=fields, key=idempotency_key or new_key())
        )

    async def get(self, id: str, /) -> models.Schedule:
        """The schedules of a site.

        `GET /api/schedules/{id}`
        """
        return await self._one(models.Schedule, Call("GET", f"/api/schedules/{segment(id)}"))

    async def update(
        self, id: str, /, *, if_match: str | None = None, **fields: Unpack[sent.PatchedChangedScheduleRequest]
    ) -> models.Schedule:
        """The same as PUT.

        `PATCH /api/schedules/{id}`
        """
        return await self._one(
            models.Schedule, Call("PATCH", f"/api/schedules/{segment(id)}", json=fields, if_match=if_match)
        )

    async def delete(self, id: str, /, *, if_match: str | None = None) -> None:
        """The schedules of a site.

        `DELETE /api/schedules/{id}`
        """
        await self._nothing(Call("DELETE", f"/api/schedules/{segment(id)}", if_match=if_match))

    def list_occurrences(
        self, id: str, /, **query: Unpack[sent.ListScheduleOccurrencesQuery]
    ) -> AsyncPages[models.Occurrence]:
        """`trigger` says why it was done: due, caught up, or asked for.

        `GET /api/schedules/{id}/occurrences`
        """
        return self._pages(models.Occurrence, f"/api/schedules/{segment(id)}/occurrences", query)

    async def pause(self, id: str, /, *, idempotency_key: str | None = None) -> models.Schedule:
        """Twice is success.

        `POST /api/schedules/{id}/pause`
        """
        return await self._one(
            models.Schedule, Call("POST", f"/api/schedules/{segment(id)}/pause", key=idempotency_key or new_key())
        )

    async def resume(self, id: str, /, *, idempotency_key: str | None = None) -> models.Schedule:
        """Twice is success.

        `POST /api/schedules/{id}/resume`
        """
        return await self._one(
            models.Schedule, Call("POST", f"/api/schedules/{segment(id)}/resume", key=idempotency_key or new_key())
        )

    async def run(self, id: str, /, *, idempotency_key: str | None = None) -> models.Occurrence:
        """What came of it. When it is due next stays as it is.

        `POST /api/schedules/{id}/run`
        """
        return await self._one(
            models.Occurrence, Call("POST", f"/api/schedules/{segment(id)}/run", key=idempotency_key or new_key())
        )


class AsyncSitesEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListSitesQuery]) -> AsyncPages[models.Site]:
        """The caller's site; for somebody signed in, all the sites that they are a member of.

        `GET /api/sites`
        """
        return self._pages(models.Site, "/api/sites", query)

    async def get(self, id: str, /) -> models.Site:
        """The caller's site; for somebody signed in, all the sites that they are a member of.

        `GET /api/sites/{id}`
        """
        return await self._one(models.Site, Call("GET", f"/api/sites/{segment(id)}"))

    async def update(
        self, id: str, /, *, if_match: str | None = None, **fields: Unpack[sent.PatchedSiteRequest]
    ) -> models.Site:
        """The caller's site; for somebody signed in, all the sites that they are a member of.

        `PATCH /api/sites/{id}`
        """
        return await self._one(models.Site, Call("PATCH", f"/api/sites/{segment(id)}", json=fields, if_match=if_match))

    async def usage(self, id: str, /) -> models.Usage:
        """Counted now, from the rows. The platform's operators set the limits.

        `GET /api/sites/{id}/usage`
        """
        return await self._one(models.Usage, Call("GET", f"/api/sites/{segment(id)}/usage"))


class AsyncSystemEndpoints(AsyncResource):
    async def redeem_bootstrap(self, **fields: Unpack[sent.BootstrapRequest]) -> models.Redeemed:
        """Give a starting machine's guest its own token, for the one that its first boot was told. That is good once:
        409 where another claim was first, or where the machine does not start any more.

        `POST /api/system/bootstrap`
        """
        return await self._one(models.Redeemed, Call("POST", "/api/system/bootstrap", json=fields))


class AsyncTemplatesEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListTemplatesQuery]) -> AsyncPages[models.Template]:
        """The templates of a site.

        `GET /api/templates`
        """
        return self._pages(models.Template, "/api/templates", query)

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewTemplateRequest]
    ) -> models.Template:
        """Write a template; its first version is 1.

        `POST /api/templates`
        """
        return await self._one(
            models.Template, Call("POST", "/api/templates", json=fields, key=idempotency_key or new_key())
        )

    async def get(self, id: str, /) -> models.Template:
        """The templates of a site.

        `GET /api/templates/{id}`
        """
        return await self._one(models.Template, Call("GET", f"/api/templates/{segment(id)}"))

    async def update(
        self, id: str, /, *, if_match: str | None = None, **fields: Unpack[sent.PatchedChangedTemplateRequest]
    ) -> models.Template:
        """The same as PUT.

        `PATCH /api/templates/{id}`
        """
        return await self._one(
            models.Template, Call("PATCH", f"/api/templates/{segment(id)}", json=fields, if_match=if_match)
        )

    async def delete(self, id: str, /, *, if_match: str | None = None) -> None:
        """The templates of a site.

        `DELETE /api/templates/{id}`
        """
        await self._nothing(Call("DELETE", f"/api/templates/{segment(id)}", if_match=if_match))

    def list_versions(
        self, id: str, /, **query: Unpack[sent.ListTemplateVersionsQuery]
    ) -> AsyncPages[models.TemplateVersion]:
        """Old versions stay to be read, and to be used as `name@version`.

        `GET /api/templates/{id}/versions`
        """
        return self._pages(models.TemplateVersion, f"/api/templates/{segment(id)}/versions", query)


class AsyncTicketsEndpoints(AsyncResource):
    async def create(self, *, idempotency_key: str | None = None) -> models.Ticket:
        """One-use tickets for sockets and EventSource, which cannot send a key.

        `POST /api/tickets`
        """
        return await self._one(models.Ticket, Call("POST", "/api/tickets", key=idempotency_key or new_key()))


class AsyncUsersEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListUsersQuery]) -> AsyncPages[models.User]:
        """The people of the site.

        `GET /api/users`
        """
        return self._pages(models.User, "/api/users", query)

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewMemberRequest]
    ) -> models.User:
        """A new person, as a member of this site. Somebody known already is added by `POST /api/memberships`.

        `POST /api/users`
        """
        return await self._one(models.User, Call("POST", "/api/users", json=fields, key=idempotency_key or new_key()))

    async def get(self, id: str, /) -> models.User:
        """The people of the site.

        `GET /api/users/{id}`
        """
        return await self._one(models.User, Call("GET", f"/api/users/{segment(id)}"))

    async def me(self) -> models.User:
        """The person behind the call.

        `GET /api/users/me`
        """
        return await self._one(models.User, Call("GET", "/api/users/me"))

    async def update_me(self, **fields: Unpack[sent.PatchedOwnNameRequest]) -> models.User:
        """One's own name; for a person who is signed in, not for a key.

        `PATCH /api/users/me`
        """
        return await self._one(models.User, Call("PATCH", "/api/users/me", json=fields))


class AsyncWebhooksEndpoints(AsyncResource):
    def list(self, **query: Unpack[sent.ListWebhooksQuery]) -> AsyncPages[models.Webhook]:
        """Addresses that are told of events. What signs them is in the answer to their making and nowhere else.

        `GET /api/webhooks`
        """
        return self._pages(models.Webhook, "/api/webhooks", query)

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[sent.NewWebhookRequest]
    ) -> models.MadeWebhook:
        """Be told of what happens from now on. A secret that we made is shown this once, one that you brought never.

        `POST /api/webhooks`
        """
        return await self._one(
            models.MadeWebhook, Call("POST", "/api/webhooks", json=fields, key=idempotency_key or new_key())
        )

    async def get(self, id: str, /) -> models.Webhook:
        """Addresses that are told of events. What signs them is in the answer to their making and nowhere else.

        `GET /api/webhooks/{id}`
        """
        return await self._one(models.Webhook, Call("GET", f"/api/webhooks/{segment(id)}"))

    async def update(
        self, id: str, /, *, if_match: str | None = None, **fields: Unpack[sent.PatchedWebhookRequest]
    ) -> models.Webhook:
        """Addresses that are told of events. What signs them is in the answer to their making and nowhere else.

        `PATCH /api/webhooks/{id}`
        """
        return await self._one(
            models.Webhook, Call("PATCH", f"/api/webhooks/{segment(id)}", json=fields, if_match=if_match)
        )

    async def delete(self, id: str, /, *, if_match: str | None = None) -> None:
        """Addresses that are told of events. What signs them is in the answer to their making and nowhere else.

        `DELETE /api/webhooks/{id}`
        """
        await self._nothing(Call("DELETE", f"/api/webhooks/{segment(id)}", if_match=if_match))

    def list_deliveries(
        self, id: str, /, **query: Unpack[sent.ListWebhookDeliveriesQuery]
    ) -> AsyncPages[models.Delivery]:
        """What was sent to a webhook, what waits for it, and how each attempt went; kept for 14 days.

        `GET /api/webhooks/{id}/deliveries`
        """
        return self._pages(models.Delivery, f"/api/webhooks/{segment(id)}/deliveries", query)

    async def redeliver_delivery(
        self, id: str, delivery_id: str, /, *, idempotency_key: str | None = None
    ) -> models.Delivery:
        """Sent again as a new delivery, with the old message's id. 409 while the old one is on its way still.

        `POST /api/webhooks/{id}/deliveries/{delivery_id}/redeliver`
        """
        return await self._one(
            models.Delivery,
            Call(
                "POST",
                f"/api/webhooks/{segment(id)}/deliveries/{segment(delivery_id)}/redeliver",
                key=idempotency_key or new_key(),
            ),
        )

    async def ping(self, id: str, /, *, idempotency_key: str | None = None) -> models.Delivery:
        """It is tried once, also while the webhook is inactive; its row in the deliveries says how it went.

        `POST /api/webhooks/{id}/ping`
        """
        return await self._one(
            models.Delivery, Call("POST", f"/api/webhooks/{segment(id)}/ping", key=idempotency_key or new_key())
        )

    async def rotate_secret(self, id: str, /, *, idempotency_key: str | None = None) -> models.MadeWebhook:
        """A new one, shown this once. For 24 hours messages carry a signature by each.

        `POST /api/webhooks/{id}/secret`
        """
        return await self._one(
            models.MadeWebhook, Call("POST", f"/api/webhooks/{segment(id)}/secret", key=idempotency_key or new_key())
        )


class AsyncEndpoints:
    """Every noun of the API, as an attribute."""

    def __init__(self, transport: AsyncTransport) -> None:
        self.agents = AsyncAgentsEndpoints(transport)
        self.audit = AsyncAuditEndpoints(transport)
        self.browser_states = AsyncBrowserStatesEndpoints(transport)
        self.instances = AsyncInstancesEndpoints(transport)
        self.invitations = AsyncInvitationsEndpoints(transport)
        self.keys = AsyncKeysEndpoints(transport)
        self.logs = AsyncLogsEndpoints(transport)
        self.me = AsyncMeEndpoints(transport)
        self.memberships = AsyncMembershipsEndpoints(transport)
        self.password_resets = AsyncPasswordResetsEndpoints(transport)
        self.plans = AsyncPlansEndpoints(transport)
        self.providers = AsyncProvidersEndpoints(transport)
        self.recordings = AsyncRecordingsEndpoints(transport)
        self.schedules = AsyncSchedulesEndpoints(transport)
        self.sites = AsyncSitesEndpoints(transport)
        self.system = AsyncSystemEndpoints(transport)
        self.templates = AsyncTemplatesEndpoints(transport)
        self.tickets = AsyncTicketsEndpoints(transport)
        self.users = AsyncUsersEndpoints(transport)
        self.webhooks = AsyncWebhooksEndpoints(transport)
