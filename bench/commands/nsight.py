"""What `bench profile --nsys` does: it runs Nsight Systems where it is installed, or prints the command that would."""

from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console

from bench.errors import UsageError
from bench.experiments import selection
from bench.machine import device, environment, interrupts, nvml
from bench.machine.device import DeviceChoice
from bench.protocol import nsys_process
from bench.recording import folders
from bench.results.record import USUAL_TRACERS
from bench.run import nsys
from bench.run.options import Options


def show_or_run(options: Options, console: Console) -> None:
    """Print the command for the one case of these options, or run it and say where its report is.

    Raises UsageError where the options are at fault, BenchError where Nsight Systems fails.
    """
    if options.tracers != USUAL_TRACERS:
        raise UsageError("The tracers are TensorFlow's profiler's: leave them out with --nsys.")
    if options.trace_cuda_graphs:
        raise UsageError("Nsight Systems sees CUDA graphs anyway: leave --trace-cuda-graphs out with --nsys.")
    folders.check_label(options.label)
    case = selection.case_named(options.only[0], options.experiments[0])
    process = nsys_process.Process(
        case, options.preset.profile_steps, options.device, options.data, options.seed, tf32=options.tf32
    )
    found = nsys.find()
    if found is None and options.device == "gpu" and device.driver_sign() is None:
        _show_for_another_machine(process, options.gpu or "0")
        return
    choice = device.choose(options.device, options.gpu, known=nvml.gpus)
    process = replace(process, device=choice.kind)
    nsys_process.require_fit(case, choice.kind)
    output = nsys.report_in(options.out, process, choice.slug, options.label, environment.now())
    if found is None:
        typer.echo("nsys is not on the PATH here. Where it is, this runs it:", err=True)
        typer.echo(nsys.line(nsys.command(process, output.absolute()), nsys.variables(choice)))
        return
    nsys_process.require_nvtx()
    with interrupts.raised_as_interrupted():
        report = nsys.run(nsys.command(process, output, found), nsys.variables(choice), output)
    console.print(f"Report: {report}, for nsys-ui or nsys stats", soft_wrap=True, markup=False, highlight=False)


def _show_for_another_machine(process: nsys_process.Process, gpu: str) -> None:
    """Print a command without anything of this machine in it: no path, no setting."""
    nsys_process.require_fit(process.case, process.device)
    variables = {"CUDA_VISIBLE_DEVICES": gpu, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    choice = DeviceChoice("gpu", "for another machine", variables, "gpu")
    output = Path(process.case.file_name)
    typer.echo("There is neither nsys nor a GPU here. On a machine with both and this suite, this runs it:", err=True)
    typer.echo(nsys.line(nsys.command(process, output, python="python"), nsys.variables(choice, {})))
