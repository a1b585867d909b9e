"""What every provider's driver must do: subclass `ProviderContract` beside the driver's own tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.embedded.processes import wait_until
from instances.providers.base import CanFreeze, CanRest, Handle, Power, Provider, Refused, Spec


def until(look: Callable[[], object], *, within_s: float = 20.0, what: str = "it") -> None:
    """Look again and again until there is something to see, or fail."""
    wait_until(lambda: bool(look()), timeout_s=within_s, what=what, every_s=0.005)


class ProviderContract:
    """Give the subclass a `provider` fixture; where its machines take longer, raise `within_s`.

    A driver that `CanRest` takes `RestingContract` instead, one that `CanFreeze` too takes `FreezingContract`.
    """

    within_s = 20.0

    @pytest.fixture
    def provider(self) -> Provider:
        raise NotImplementedError("the driver's test makes its provider here")

    @pytest.fixture
    def spec(self) -> Spec:
        return Spec("ubuntu", guest_token="secret-of-the-guest")

    @pytest.fixture
    def token(self, provider: Provider) -> Iterator[str]:
        """A token of this test's own; what was made by it is destroyed."""
        token = f"{uuid.uuid4().hex}-1"
        yield token
        for found, handle in provider.list_ours():
            if found == token:
                provider.destroy(handle)

    def await_power(self, provider: Provider, handle: Handle, power: Power) -> bool:
        """True as soon as it has that power; fails when it is not in time."""
        until(lambda: provider.inspect(handle).power is power, within_s=self.within_s, what=f"{power}")
        return True

    def test_what_a_driver_can_is_held_to_its_contract(self, provider: Provider) -> None:
        assert isinstance(provider, CanRest) == isinstance(self, RestingContract)
        assert isinstance(provider, CanFreeze) == isinstance(self, FreezingContract)

    def test_a_created_machine_comes_up(self, provider: Provider, spec: Spec, token: str) -> None:
        handle = provider.create(spec, token=token)
        assert self.await_power(provider, handle, Power.UP)

    def test_the_same_token_gives_the_same_machine(self, provider: Provider, spec: Spec, token: str) -> None:
        first = provider.create(spec, token=token)
        self.await_power(provider, first, Power.UP)
        assert provider.create(spec, token=token) == first
        assert [found for found, _ in provider.list_ours()].count(token) == 1

    def test_parallel_creates_make_one_machine(self, provider: Provider, spec: Spec, token: str) -> None:
        with ThreadPoolExecutor(8) as pool:
            handles = list(pool.map(lambda _: provider.create(spec, token=token), range(8)))
        assert all(handle == handles[0] for handle in handles)
        assert [found for found, _ in provider.list_ours()].count(token) == 1
        assert self.await_power(provider, handles[0], Power.UP)

    def test_a_machine_that_never_was_is_gone(self, provider: Provider, spec: Spec, token: str) -> None:
        handle = provider.create(spec, token=token)
        never = Handle(handle.version, {**handle.data, "token": f"{token}-never"})
        assert provider.inspect(never).power is Power.GONE

    def test_destroying_twice_is_success(self, provider: Provider, spec: Spec, token: str) -> None:
        handle = provider.create(spec, token=token)
        provider.destroy(handle)
        self.await_power(provider, handle, Power.GONE)
        provider.destroy(handle)
        assert provider.inspect(handle).power is Power.GONE
        assert token not in dict(provider.list_ours())

    def test_parallel_destroys_are_success(self, provider: Provider, spec: Spec, token: str) -> None:
        handle = provider.create(spec, token=token)
        self.await_power(provider, handle, Power.UP)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: provider.destroy(handle), range(4)))
        assert self.await_power(provider, handle, Power.GONE)

    def test_a_token_may_be_used_again_once_its_machine_is_gone(
        self, provider: Provider, spec: Spec, token: str
    ) -> None:
        provider.destroy(provider.create(spec, token=token))
        assert self.await_power(provider, provider.create(spec, token=token), Power.UP)

    def test_ours_are_listed_with_handles_that_find_them(self, provider: Provider, spec: Spec, token: str) -> None:
        handle = provider.create(spec, token=token)
        self.await_power(provider, handle, Power.UP)
        assert provider.inspect(dict(provider.list_ours())[token]).power is Power.UP

    @pytest.mark.parametrize("token_of_nobody", ["", "../up", "UPPER", "a" * 65, "a/b", "a\n", ".uids"])
    def test_a_malformed_token_is_refused(self, provider: Provider, spec: Spec, token_of_nobody: str) -> None:
        with pytest.raises(Refused):
            provider.create(spec, token=token_of_nobody)

    def test_an_unknown_flavour_is_refused_and_makes_nothing(self, provider: Provider, token: str) -> None:
        with pytest.raises(Refused):
            provider.create(Spec("amiga"), token=token)
        assert token not in dict(provider.list_ours())


class RestingContract(ProviderContract):
    """What a driver must do that can stop a machine and start it again."""

    def test_a_stopped_machine_rests_and_starts_again(self, provider: Provider, spec: Spec, token: str) -> None:
        resting = _resting(provider)
        handle = provider.create(spec, token=token)
        self.await_power(provider, handle, Power.UP)
        for _ in range(2):
            resting.stop(handle)
        self.await_power(provider, handle, Power.RESTING)
        assert token in dict(provider.list_ours())
        resting.start(handle)
        self.await_power(provider, handle, Power.UP)
        resting.start(handle)
        assert provider.inspect(handle).power is Power.UP

    def test_a_resting_machine_stays_at_rest_when_created_again(
        self, provider: Provider, spec: Spec, token: str
    ) -> None:
        resting = _resting(provider)
        handle = provider.create(spec, token=token)
        resting.stop(handle)
        self.await_power(provider, handle, Power.RESTING)
        provider.create(spec, token=token)
        assert provider.inspect(handle).power is Power.RESTING

    def test_a_resting_machine_can_be_destroyed(self, provider: Provider, spec: Spec, token: str) -> None:
        resting = _resting(provider)
        handle = provider.create(spec, token=token)
        resting.stop(handle)
        self.await_power(provider, handle, Power.RESTING)
        provider.destroy(handle)
        assert self.await_power(provider, handle, Power.GONE)

    def test_starting_a_machine_that_is_gone_is_refused(self, provider: Provider, spec: Spec, token: str) -> None:
        resting = _resting(provider)
        handle = provider.create(spec, token=token)
        provider.destroy(handle)
        self.await_power(provider, handle, Power.GONE)
        resting.stop(handle)
        with pytest.raises(Refused):
            resting.start(handle)


class FreezingContract(RestingContract):
    """What a driver must do that can freeze a machine besides."""

    def test_a_frozen_machine_is_up_and_goes_on(self, provider: Provider, spec: Spec, token: str) -> None:
        freezing, handle = self._frozen(provider, spec, token)
        assert freezing.freeze(handle)
        assert provider.inspect(handle).power is Power.UP
        for _ in range(2):
            freezing.thaw(handle)
        assert provider.inspect(handle).power is Power.UP

    def test_a_frozen_machine_can_be_stopped_and_started(self, provider: Provider, spec: Spec, token: str) -> None:
        _, handle = self._frozen(provider, spec, token)
        resting = _resting(provider)
        resting.stop(handle)
        self.await_power(provider, handle, Power.RESTING)
        resting.start(handle)
        assert self.await_power(provider, handle, Power.UP)

    def test_a_frozen_machine_can_be_destroyed(self, provider: Provider, spec: Spec, token: str) -> None:
        freezing, handle = self._frozen(provider, spec, token)
        provider.destroy(handle)
        assert self.await_power(provider, handle, Power.GONE)
        freezing.thaw(handle)

    def _frozen(self, provider: Provider, spec: Spec, token: str) -> tuple[CanFreeze, Handle]:
        assert isinstance(provider, CanFreeze)
        handle = provider.create(spec, token=token)
        self.await_power(provider, handle, Power.UP)
        if not provider.freeze(handle):
            pytest.skip("this host cannot freeze machines")
        return provider, handle


def _resting(provider: Provider) -> CanRest:
    assert isinstance(provider, CanRest)
    return provider
