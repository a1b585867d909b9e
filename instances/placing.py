"""Where a new instance's machine is made: the provider that its wish stands for, among those that its site may have."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from common.errors import Invalid
from instances.providers import registry
from instances.providers.registry import Offer


def offered_to(site_id: UUID) -> list[Offer]:
    """The providers of a site, the one first that is taken where nobody chooses."""
    usual = registry.offer(settings.DEFAULT_PROVIDER)
    others = [offer for offer in registry.offered() if offer.name != usual.name]
    return [offer for offer in (usual, *others) if offer.is_for(str(site_id))]


def chosen(site_id: UUID, *, instance_type: str, provider: str = "", region: str = "") -> Offer:
    """The first of the site's providers that is as wished and makes machines of this type.

    Raises:
        Invalid: there is none; its `fields` say which wish cannot be had.
    """
    offers = offered_to(site_id)
    if provider and provider not in {offer.name for offer in offers}:
        raise _not_here("provider", provider, sorted(offer.name for offer in offers))
    offers = [offer for offer in offers if provider in ("", offer.name)]
    if region and region not in {offer.region for offer in offers}:
        raise _not_here("region", region, sorted({offer.region for offer in offers if offer.region}))
    offers = [offer for offer in offers if region in ("", offer.region) and offer.makes(instance_type)]
    if not offers:
        raise _invalid("instance_type", f"No provider that can be had makes {instance_type} machines.")
    return offers[0]


def _not_here(field: str, wished: str, known: list[str]) -> Invalid:
    there_are = f"There {'is' if len(known) == 1 else 'are'} {', '.join(known)}." if known else "There is none."
    return _invalid(field, f"{wished!r} is not to be had here. {there_are}")


def _invalid(field: str, problem: str) -> Invalid:
    return Invalid(f"{field}: {problem}", fields={field: [problem]})
