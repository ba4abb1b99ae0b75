"""Published checkpoints: an independent description of DDPM++, and files that hold it."""

from __future__ import annotations

import copy
import math
import pickle
import sys
import types
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

# -- DDPM++ of EDM, described by functions (Song et al. 2021, appendix H; Karras et al. 2022)


@dataclass(frozen=True)
class Layout:
    """What decides the tensors of a network."""

    side: int = 48
    width: int = 16
    mult: tuple[int, ...] = (1, 2)
    blocks: int = 2
    inputs: int = 3
    outputs: int = 1
    attention: tuple[int, ...] = ()  # sides

    @property
    def levels(self):
        return [(self.side >> i, self.width * m) for i, m in enumerate(self.mult)]

    def walk(self):
        """(name, kind, in, out, attends), in the order of evaluation."""
        skips, last = [self.width], self.width
        for i, (side, width) in enumerate(self.levels):
            if i:
                yield f"enc.{side}x{side}_down", "down", last, last, False
                skips.append(last)
            for j in range(self.blocks):
                yield f"enc.{side}x{side}_block{j}", "plain", last, width, side in self.attention
                skips.append(width)
                last = width
        for i, (side, width) in reversed(list(enumerate(self.levels))):
            if i == len(self.mult) - 1:
                yield f"dec.{side}x{side}_in0", "plain", last, last, True
                yield f"dec.{side}x{side}_in1", "plain", last, last, False
            else:
                yield f"dec.{side}x{side}_up", "up", last, last, False
            for j in range(self.blocks + 1):
                attends = side in self.attention and j == self.blocks
                yield f"dec.{side}x{side}_block{j}", "join", last + skips.pop(), width, attends
                last = width

    def shapes(self):
        n, s = self.width, self.side
        shapes = {
            "map_layer0.weight": (4 * n, n), "map_layer0.bias": (4 * n,),
            "map_layer1.weight": (4 * n, 4 * n), "map_layer1.bias": (4 * n,),
            f"enc.{s}x{s}_conv.weight": (n, self.inputs, 3, 3), f"enc.{s}x{s}_conv.bias": (n,),
        }  # fmt: skip
        for name, kind, inp, out, attends in self.walk():
            shapes |= {f"{name}.norm0.{p}": (inp,) for p in ("weight", "bias")}
            shapes |= {f"{name}.conv0.weight": (out, inp, 3, 3), f"{name}.conv0.bias": (out,)}
            shapes |= {f"{name}.affine.weight": (out, 4 * n), f"{name}.affine.bias": (out,)}
            shapes |= {f"{name}.norm1.{p}": (out,) for p in ("weight", "bias")}
            shapes |= {f"{name}.conv1.weight": (out, out, 3, 3), f"{name}.conv1.bias": (out,)}
            if kind in ("up", "down"):
                shapes |= {f"{name}.{c}.resample_filter": (1, 1, 2, 2) for c in ("conv0", "skip")}
            if kind in ("up", "down") or inp != out:
                shapes |= {f"{name}.skip.weight": (out, inp, 1, 1), f"{name}.skip.bias": (out,)}
            if attends:
                shapes |= {f"{name}.norm2.{p}": (out,) for p in ("weight", "bias")}
                shapes |= {
                    f"{name}.qkv.weight": (3 * out, out, 1, 1),
                    f"{name}.qkv.bias": (3 * out,),
                }
                shapes |= {f"{name}.proj.weight": (out, out, 1, 1), f"{name}.proj.bias": (out,)}
        end = self.levels[0][1]
        shapes |= {f"dec.{s}x{s}_aux_norm.{p}": (end,) for p in ("weight", "bias")}
        shapes |= {f"dec.{s}x{s}_aux_conv.weight": (self.outputs, end, 3, 3)}
        return shapes | {f"dec.{s}x{s}_aux_conv.bias": (self.outputs,)}

    def weights(self, seed=0):
        g = torch.Generator().manual_seed(seed)
        weights = {}
        for name, shape in self.shapes().items():
            fan_in = math.prod(shape[1:]) if len(shape) > 1 else 10
            weights[name] = torch.randn(shape, generator=g) / math.sqrt(fan_in)
            if "norm" in name and name.endswith("weight"):
                weights[name] += 1
            if name.endswith("resample_filter"):
                weights[name] = torch.full(shape, 0.25)
        return weights


def _norm(w, name, x):
    groups = min(32, x.shape[1] // 4)
    return F.group_norm(x, groups, w[f"{name}.weight"], w[f"{name}.bias"], 1e-6)


def _conv(w, name, x):
    weight = w[f"{name}.weight"]
    return F.conv2d(x, weight, w[f"{name}.bias"], padding=weight.shape[-1] // 2)


def _resampled(x, kind):
    if kind == "up":
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    if kind == "down":
        return x.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).mean((3, 5))
    return x


def _block(w, name, kind, x, emb):
    h = _conv(w, f"{name}.conv0", _resampled(F.silu(_norm(w, f"{name}.norm0", x)), kind))
    h = h + F.linear(emb, w[f"{name}.affine.weight"], w[f"{name}.affine.bias"])[..., None, None]
    h = _conv(w, f"{name}.conv1", F.silu(_norm(w, f"{name}.norm1", h)))
    x = _resampled(x, kind)
    x = _conv(w, f"{name}.skip", x) if f"{name}.skip.weight" in w else x
    x = (x + h) / math.sqrt(2)
    if f"{name}.qkv.weight" not in w:
        return x
    # Channel 3 c + k is query (k = 0), key or value number c; one head.
    q, k, v = (
        _conv(w, f"{name}.qkv", _norm(w, f"{name}.norm2", x)).flatten(2).unflatten(1, (-1, 3))
    ).unbind(2)
    attention = torch.einsum("bci,bcj->bij", q, k / math.sqrt(k.shape[1])).softmax(2)
    a = torch.einsum("bij,bcj->bci", attention, v).reshape(x.shape)
    return (x + _conv(w, f"{name}.proj", a)) / math.sqrt(2)


def reference_unet(layout, w, x, c_noise):
    half = layout.width // 2
    angle = c_noise[:, None] * 10000.0 ** (-torch.arange(half) / (half - 1))
    emb = torch.cat([angle.sin(), angle.cos()], 1)
    for i in range(2):
        emb = F.silu(F.linear(emb, w[f"map_layer{i}.weight"], w[f"map_layer{i}.bias"]))
    x = _conv(w, f"enc.{layout.side}x{layout.side}_conv", x)
    skips = [x]
    for name, kind, *_ in layout.walk():
        x = _block(w, name, kind, torch.cat([x, skips.pop()], 1) if kind == "join" else x, emb)
        if name.startswith("enc"):
            skips.append(x)
    top = f"dec.{layout.side}x{layout.side}"
    return _conv(w, f"{top}_aux_conv", F.silu(_norm(w, f"{top}_aux_norm", x)))


def reference_denoiser(layout, w, x, sigma, position, sd=0.5):
    s = sigma[:, None, None, None]
    total = s**2 + sd**2
    inputs = x / total.sqrt() if position is None else torch.cat([x / total.sqrt(), position], 1)
    f = reference_unet(layout, w, inputs, sigma.log() / 4)
    return sd**2 / total * x + s * sd / total.sqrt() * f


# -- Snapshots as torch_utils.persistence pickles them

#: What the snapshot carries as the source of its classes.
SOURCE = {"module_src": "raise SystemExit"}


def _reconstruct(meta):
    exec(meta["module_src"])


class Persistent(nn.Module):
    """Pickled as its source and its state, which its constructor's arguments are part of."""

    def __init__(self, **kwargs):
        super().__init__()
        self._init_args, self._init_kwargs = (), copy.deepcopy(kwargs)
        for name, value in kwargs.items():
            setattr(self, name, value)

    def __reduce__(self):
        state = super().__reduce__()[2]
        return (_reconstruct, (_meta(type(self).__name__, state),), None)


def _meta(name, state):
    return {"type": "class", "version": 6, **SOURCE, "class_name": name, "state": state}


class Loss:
    """Persistent, but no module."""

    def __reduce__(self):
        return (_reconstruct, (_meta("Patch_EDMLoss", {"P_mean": -1.2, "sigma_data": 0.5}),), None)


def tree(weights, layout, precond="Patch_EDMPrecond", model="SongUNet", sigma_data=0.5):
    """Nested modules with the given tensors, of the classes that EDM has."""

    def persistent(kind, **kwargs):
        return type(kind, (Persistent,), {})(**kwargs)

    unet = persistent(model, img_resolution=layout.side, in_channels=layout.inputs)
    unet.enc, unet.dec = nn.ModuleDict(), nn.ModuleDict()
    unet.map_noise, unet.map_label = persistent("PositionalEmbedding", endpoint=True), None
    for name, value in weights.items():
        *path, leaf = name.split(".")
        at = unet
        for depth, part in enumerate(path):
            if part not in at._modules:
                inner = depth < len(path) - 1
                child = (
                    persistent("UNetBlock", skip_scale=np.sqrt(0.5), eps=1e-6, num_heads=0)
                    if inner
                    else persistent("Conv2d", resample_filter=[1, 1], init_weight=np.sqrt(0.2))
                )
                child.__dict__.pop("resample_filter", None)
                at.add_module(part, child)
            at = at._modules[part]
        if leaf == "resample_filter":
            at.register_buffer(leaf, value)
        else:
            setattr(at, leaf, nn.Parameter(value, requires_grad=False))
    net = persistent(precond, img_resolution=layout.side, img_channels=3, sigma_max=float("inf"))
    net.sigma_data, net.use_fp16, net.model = sigma_data, False, unet
    return net.eval()


def write_snapshot(easy_dict, path, net, protocol=4):
    data = {
        "ema": net,
        "loss_fn": Loss(),
        "augment_pipe": None,
        "dataset_kwargs": {"class_name": "x", "inner": easy_dict(path="/data", n=3)},
    }
    path.write_bytes(pickle.dumps(data, protocol))
    return path


def write_state(path, net, legacy=False):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    data = {"net": net, "optimizer_state": optimizer.state_dict()}
    torch.save(data, path, _use_new_zipfile_serialization=not legacy)
    return path


@pytest.fixture
def published(monkeypatch):
    """The modules that a snapshot names, only while it is written; none is needed to read it."""
    persistence, util = types.ModuleType("torch_utils.persistence"), types.ModuleType("dnnlib.util")
    persistence._reconstruct_persistent_obj = _reconstruct
    util.EasyDict = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})
    with monkeypatch.context() as patch:
        for module in (persistence, util):
            patch.setitem(sys.modules, module.__name__, module)
            patch.setitem(sys.modules, module.__name__.split(".")[0], types.ModuleType("empty"))
        patch.setattr(_reconstruct, "__module__", "torch_utils.persistence")
        patch.setattr(_reconstruct, "__qualname__", "_reconstruct_persistent_obj")
        patch.setattr(_reconstruct, "__name__", "_reconstruct_persistent_obj")
        yield types.SimpleNamespace(
            Layout=Layout,
            denoiser=reference_denoiser,
            tree=tree,
            snapshot=partial(write_snapshot, util.EasyDict),
            state=write_state,
            source=SOURCE,
        )
