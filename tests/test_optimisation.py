"""The optimizer is torch's AdamW, less the import of torch's compiler; and the one-cycle schedule."""

import subprocess
import sys

import pytest
import torch

from model.optimisation import AdamW, one_cycle


def trained(optimizer_class: type[torch.optim.Optimizer]) -> tuple[list[torch.Tensor], dict]:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.SiLU(), torch.nn.Linear(7, 3))
    optimizer = optimizer_class(network.parameters(), lr=1e-2, betas=(0.9, 0.95), weight_decay=1.0, fused=True)
    for step in range(6):
        if step == 3:
            optimizer.load_state_dict(optimizer.state_dict())
        network.zero_grad()
        network(torch.randn(4, 5)).square().mean().backward()
        optimizer.step()
    return [parameter.detach() for parameter in network.parameters()], optimizer.state_dict()


def test_steps_and_states_are_those_of_torch():
    ours, torchs = trained(AdamW), trained(torch.optim.AdamW)
    for mine, theirs in zip(ours[0], torchs[0], strict=True):
        assert torch.equal(mine, theirs)
    assert ours[1]["param_groups"] == torchs[1]["param_groups"]
    for number, state in torchs[1]["state"].items():
        assert all(torch.equal(ours[1]["state"][number][name], value) for name, value in state.items())


def test_training_does_not_import_the_compiler():
    code = (
        "import sys; from tests.test_optimisation import trained, AdamW; trained(AdamW); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_rate_rises_to_its_peak_and_falls_to_nearly_nothing():
    rates = [one_cycle(step / 100, 1e-4, 25) for step in range(101)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[30] == max(rates) == pytest.approx(25e-4)
    assert rates[100] == pytest.approx(1e-8)
    assert rates[:31] == sorted(rates[:31])
    assert rates[30:] == sorted(rates[30:], reverse=True)
