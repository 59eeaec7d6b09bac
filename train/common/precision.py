"""Precision that trainers multiply in: bfloat16 where it is faster."""

import torch


def mixed_precision() -> str:
    """Return "bf16" on a GPU and on a CPU that multiplies bfloat16 itself, else "no".

    Without such instructions a step of stage 1 takes 2.5 times as long as in float32, as they are imitated.
    """
    cpu = getattr(torch.cpu, "get_capabilities", dict)()  # older torch does not say
    fast = torch.cuda.is_available() or cpu.get("amx_bf16") or cpu.get("avx512_bf16")
    return "bf16" if fast else "no"
