"""Made-up traces of a GPU, as TensorFlow 2.21 writes them: a host's plane with step markers, and a device's streams.

The sources are of openxla/xla; "collector" is xla/backends/profiler/gpu/cupti_collector.cc and "events"
xla/backends/profiler/gpu/cupti_buffer_events.cc. Times are in microseconds from where the trace starts.
"""

from tensorflow.tsl.profiler.protobuf import xplane_pb2

# TraceMe's lines start with the session; CUPTI's a little later, when its tracer starts (GpuTracer::DoStart in
# device_tracer_cuda.cc). Both are made relative to the session's start before they are saved (NormalizeTimestamps in
# PostProcessSingleHostXSpace, xla/tsl/profiler/convert/post_process_single_host_xplane.cc).
HOST_NS = 20_000
DEVICE_NS = 65_000

# GetMemoryKindName: "pageable", "pinned", "device", "device_static", "managed", "array", "unknown".
KINDS = {"MemcpyH2D": ("pageable", "device"), "MemcpyD2H": ("device", "pageable"), "MemcpyD2D": ("device", "device")}


class Planes:
    """A trace that grows: each method adds what one thing leaves in it."""

    def __init__(self, ordinal=0):
        self.space = xplane_pb2.XSpace()
        # kHostThreadsPlaneName in xla/tsl/profiler/utils/xplane_schema.cc
        self.host = self.space.planes.add(name="/host:CPU")
        # GpuPlaneName of the same, and SetId in CuptiTraceCollectorImpl::Export (collector)
        self.device = self.space.planes.add(id=ordinal, name=f"/device:GPU:{ordinal}")
        # GetDeviceCapabilities (collector); the figures are made up
        self._plane_stat("device_vendor", "Nvidia")
        for name, value in (("clock_rate", 1_410_000), ("core_count", 108), ("compute_cap_major", 8)):
            self._plane_stat(name, value)
        self._types = {}
        self._correlation = 0

    def marker(self, start, length, step, name="train", number="step_num"):
        """As tf.profiler.experimental.Trace(name, step_num=step, _r=1) left them in a trace of TensorFlow 2.21."""
        event = self._host_event(name, start, length)
        self._stat(self.host, event, number, step)
        self._stat(self.host, event, "_r", 1)

    def launch(self, start, length, name="cuLaunchKernel"):
        """A call of the driver, on its thread (IsHostEvent in collector); gives the number that its work has.

        CUPTI's plane /host:CUPTI is merged into the host's, thread by thread (MergeHostPlanesAndSortLines in
        post_process_single_host_xplane.cc), so there is none in a file.
        """
        self._correlation += 1
        event = self._host_event(name, start, length)
        self._stat(self.host, event, "device_id", self.device.id)  # of callbacks only (CreateXEvent in collector)
        self._stat(self.host, event, "correlation_id", self._correlation)
        return self._correlation

    def kernel(self, stream, start, length, name="gemm", correlation=None, graph=None):
        """AddKernelActivityEvent (events); a kernel of a CUDA graph has the graph's number and its own in it."""
        event = self._device_event(stream, "Compute", start, length, name, correlation)
        if graph:
            self._stat(self.device, event, "cuda_graph_id", graph)
            self._stat(self.device, event, "cuda_graph_node_id", graph * 100 + 1)
        # ToXStat in cupti_buffer_events.h
        details = "regs:32 static_shared:0 dynamic_shared:16384 grid:3,1,1 sample:64,1,1 occ_pct:25"
        self._stat(self.device, event, "kernel_details", details)
        return event

    def graph(self, stream, start, length, number, correlation=None):
        """A CUDA graph as one event: AddGraphTraceActivityEvent (events), CreateXEvent (collector)."""
        event = self._device_event(stream, "CudaGraph", start, length, f"CudaGraphExec:{number}", correlation)
        self._stat(self.device, event, "cuda_graph_id", number)
        self._stat(self.device, event, "cuda_graph_exec_id", number)

    def copy(self, stream, start, length, name="MemcpyH2D", size=200_704, kinds=None, correlation=None):
        """AddMemcpyActivityEvent (events), with the details of CreateXEvent (collector)."""
        event = self._device_event(stream, name, start, length, name, correlation)
        source, destination = kinds or KINDS.get(name, ("unknown", "unknown"))
        details = f"kind_src:{source} kind_dst:{destination} size:{size} dest:0 async:1"
        self._stat(self.device, event, "memcpy_details", details)

    def memset(self, stream, start, length, size=4):
        """AddMemsetActivityEvent (events): the name has the kind, 3 of the device (cupti_activity.h of CUDA 13.0)."""
        event = self._device_event(stream, "Memset", start, length, "Memset 3")
        self._stat(self.device, event, "Memset_details", f"kind:device num_bytes:{size} async:1")

    def residency(self, start, length):
        """AddMemoryActivityEvent (events): from allocating to freeing, on stream 0."""
        event = self._device_event(0, "MemoryResidency", start, length, "Memory device")
        self._stat(self.device, event, "MemoryResidency_details", "kind:device num_bytes:4096 addr:0x0000000000000001")

    def unified_memory(self, start, length):
        """AddUnifiedMemoryActivityEvent (events): a pseudo stream for each kind, no details."""
        self._device_event(0x10000001, "UnifiedMemory", start, length, "UM_BYTES_TRANSFER_HTOD")

    def overhead(self, stream, start, length):
        """AddCuptiOverheadActivityEvent (events), which gives the stream's line another name."""
        self._device_event(stream, "Overhead", start, length, "BUFFER_FLUSH")

    def derived(self, name, start, length, event_name="fusion", number=None):
        """A line that tools derive from the streams': the k...LineName of xplane_schema.cc, ids of trace_utils.h."""
        line = self._line(self.device, 0xDEADBEEF + len(self.device.lines), name, DEVICE_NS)
        event = self._event(self.device, line, event_name, start, length)
        if number is not None:
            self._stat(self.device, event, "step_num", number)

    def dropped(self):
        """ReportNumEventsIfDropped (collector), which names the host."""
        self.space.warnings.append(
            "Detected GPU events dropped on some-host: Profiler has collected 12 driver events and 2097152 device "
            "events. 7 events dropped because total device(activity) events reaches max;."
        )

    def _host_event(self, name, start, length):
        line = self._line(self.host, 4242, "python", HOST_NS)  # the thread's name, as seen in a trace of 2.21
        return self._event(self.host, line, name, start, length)

    def _device_event(self, stream, kind, start, length, name, correlation=None):
        line = self._line(self.device, stream, "", DEVICE_NS)
        types = self._types.setdefault(stream, [])
        if kind not in types:
            types.append(kind)
        # GetDeviceXLineName (collector), with the names of GetTraceEventTypeName (events)
        line.name = "CUPTI overhead" if "Overhead" in types else f"Stream #{stream}({','.join(types)})"
        event = self._event(self.device, line, name, start, length)
        if correlation is not None:
            self._stat(self.device, event, "correlation_id", correlation)
        return event

    def _line(self, plane, number, name, timestamp_ns):
        """GetOrCreateLine in xla/tsl/profiler/utils/xplane_builder.cc; of a stream, the number is the stream's."""
        found = next((line for line in plane.lines if line.id == number), None)
        return found or plane.lines.add(id=number, name=name, timestamp_ns=timestamp_ns)

    def _event(self, plane, line, name, start, length):
        """Offsets count from the line's timestamp, which is in nanoseconds (tsl/profiler/protobuf/xplane.proto)."""
        return line.events.add(
            metadata_id=_number(plane.event_metadata, name),
            offset_ps=round(start * 1_000_000) - line.timestamp_ns * 1000,
            duration_ps=round(length * 1_000_000),
        )

    def _stat(self, plane, event, name, value):
        """A text is the name of another stat (GetOrCreateStatMetadata of the value, in CreateXEvent of collector)."""
        stat = event.stats.add(metadata_id=_number(plane.stat_metadata, name))
        if isinstance(value, str):
            stat.ref_value = _number(plane.stat_metadata, value)
        else:
            stat.int64_value = value

    def _plane_stat(self, name, value):
        stat = self.device.stats.add(metadata_id=_number(self.device.stat_metadata, name))
        if isinstance(value, str):
            stat.str_value = value
        else:
            stat.int64_value = value


def _number(table, name):
    """GetOrCreateEventMetadata and GetOrCreateStatMetadata in xplane_builder.cc: numbers from 1, one for each name."""
    found = next((key for key, metadata in table.items() if metadata.name == name), None)
    if found is None:
        found = len(table) + 1
        table[found].id = found
        table[found].name = name
    return found


def marked(steps, period, kernels=(), length=None, copies=()):
    """Steps every `period`, each with these (delay, length, name) kernels and (delay, length) copies in it."""
    planes = Planes()
    for step in range(steps):
        start = 100 + step * period
        planes.marker(start, length or period, step)
        for delay, duration, name in kernels:
            number = planes.launch(start + delay - 10, 5)
            planes.kernel(13, start + delay, duration, name, correlation=number)
        for delay, duration in copies:
            number = planes.launch(start + delay - 10, 5, "cuMemcpyHtoDAsync_v2")
            planes.copy(14, start + delay, duration, correlation=number)
    return planes
