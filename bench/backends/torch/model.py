"""The workload's step in PyTorch: the network, its loss, and Keras' Adam over the state that it updates in place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.backends.keras_adam import BETA_1, BETA_2, EPSILON
from bench.backends.peer import Weights

Step = Callable[[Tensor], Tensor]
"""A batch (rows, features) in, its loss before the update out; updates the state on the way."""


@dataclass(frozen=True)
class State:
    """The model and what Adam keeps: parameters in the order of peer.Weights, moments of each, updates so far."""

    parameters: Sequence[Tensor]
    first: Sequence[Tensor]
    second: Sequence[Tensor]
    updates: Tensor  # float32, on the device: a number of Python's would be compiled anew in every step

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of it."""
        return (*self.parameters, *self.first, *self.second, self.updates)


def initial(weights: Weights, device: torch.device, taped: bool = True) -> State:
    """The state before the first update, on the device; `taped` where a tape is to find the gradients."""
    parameters = [torch.tensor(weight, device=device, requires_grad=taped) for weight in weights]
    return State(
        parameters,
        [torch.zeros_like(parameter) for parameter in parameters],
        [torch.zeros_like(parameter) for parameter in parameters],
        torch.zeros([], device=device),
    )


def loss(parameters: Sequence[Tensor], batch: Tensor) -> Tensor:
    """Mean over all pixels of the squared difference between a batch and its reconstruction."""
    activations = batch
    for weight, bias in zip(parameters[:4], parameters[4:], strict=True):
        activations = torch.sigmoid(activations @ weight + bias)
    return torch.mean((batch - activations) ** 2)


def eager_step(state: State, learning_rate: float) -> Step:
    """Operation by operation, and Keras' Adam variable by variable."""

    def step(batch: Tensor) -> Tensor:
        found = loss(state.parameters, batch)
        gradients = torch.autograd.grad(found, list(state.parameters))
        with torch.no_grad():
            _update(state, gradients, learning_rate)
        return found.detach()

    return step


def foreach_step(state: State, learning_rate: float) -> Step:
    """The same update by PyTorch's operations over lists of tensors, of which its own optimizers are made."""

    def step(batch: Tensor) -> Tensor:
        found = loss(state.parameters, batch)
        gradients = list(torch.autograd.grad(found, list(state.parameters)))
        with torch.no_grad():
            rate = _rate(state, learning_rate)
            torch._foreach_lerp_(state.first, gradients, 1 - BETA_1)
            torch._foreach_lerp_(state.second, torch._foreach_mul(gradients, gradients), 1 - BETA_2)
            below = torch._foreach_sqrt(state.second)
            torch._foreach_add_(below, EPSILON)
            changes = torch._foreach_div(state.first, below)
            torch._foreach_mul_(changes, rate)
            torch._foreach_sub_(state.parameters, changes)
        return found.detach()

    return step


def functional_step(state: State, learning_rate: float) -> Step:
    """The same without a tape, for `torch.compile` to take as one graph."""
    gradients_and_loss = torch.func.grad_and_value(loss)

    def step(batch: Tensor) -> Tensor:
        gradients, found = gradients_and_loss(state.parameters, batch)
        _update(state, gradients, learning_rate)
        return found

    return step


def built_in_step(state: State, learning_rate: float) -> Step:
    """With PyTorch's own Adam as one kernel, which is another update."""
    adam = torch.optim.Adam(list(state.parameters), lr=learning_rate, betas=(BETA_1, BETA_2), eps=EPSILON, fused=True)

    def step(batch: Tensor) -> Tensor:
        found = loss(state.parameters, batch)
        found.backward()
        adam.step()
        adam.zero_grad()
        return found.detach()

    return step


def _update(state: State, gradients: Sequence[Tensor], learning_rate: float) -> None:
    rate = _rate(state, learning_rate)
    for w, m, v, g in zip(state.parameters, state.first, state.second, gradients, strict=True):
        m.add_((g - m) * (1 - BETA_1))
        v.add_((g * g - v) * (1 - BETA_2))
        w.sub_(m * rate / (v.sqrt() + EPSILON))


def _rate(state: State, learning_rate: float) -> Tensor:
    """Keras' step size of this update (bench/backends/keras_adam.py), after counting it."""
    state.updates.add_(1)
    one, two = torch.pow(BETA_1, state.updates), torch.pow(BETA_2, state.updates)
    return learning_rate * torch.sqrt(1 - two) / (1 - one)
