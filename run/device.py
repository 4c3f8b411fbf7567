"""Where networks run, and what makes two runs equal."""

import random
from pathlib import Path

import torch

from run import ranks
from run.errors import BadInput


def choose_device(name: str) -> torch.device:
    """``auto`` takes cuda, then mps, then cpu. Each of several processes of a machine takes a card of its own.

    Raises:
        BadInput: a device was asked for that this machine or this build of torch lacks, or there are fewer cards than
            processes.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, here in present.items() if here)
    if not present[name]:
        raise BadInput(f"--device {name} is not available here; use --device auto")
    number, processes = ranks.on_this_machine()
    if name == "cuda" and processes > 1:
        if processes > torch.cuda.device_count():
            raise BadInput(
                f"{processes} processes need a graphics card each, and {torch.cuda.device_count()} are here; start "
                f"fewer (--nproc_per_node {torch.cuda.device_count()}), or add --device cpu"
            )
        torch.cuda.set_device(number)
    return torch.device(name)


def make_repeatable(seed: int) -> None:
    """Seed torch and Python, and ask for deterministic kernels: the same machine then gives the same bytes.

    One thread adds up: a notebook's kernel, or numba in this process, may have given torch several.
    """
    random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    # as use_deterministic_algorithms(True, warn_only=True), which also imports the compiler: three seconds for nothing
    torch.set_deterministic_debug_mode("warn")
    torch.utils.deterministic.fill_uninitialized_memory = False  # no memory is read here before it is written
    torch.backends.cudnn.benchmark = False


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """``auto`` takes bfloat16 where the processor has instructions for it, else float32.

    Without them bfloat16 is emulated on a CPU, and slower than float32.
    """
    if name == "auto":
        if device.type == "cuda":
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            fast = device.type == "cpu" and bool(_cpu_flags() & {"avx512_bf16", "amx_bf16", "bf16"})
        name = "bf16" if fast else "fp32"
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[name]


def _cpu_flags() -> set[str]:
    """What the processor can do, as Linux says it; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return set(next((line for line in lines if line.lower().startswith(("flags", "features"))), "").split())
