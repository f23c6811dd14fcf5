// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/telemetry/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>
#include <set>

namespace auralink::telemetry {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries kStartSeconds{0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30};
const Histogram::BucketBoundaries kFinishSeconds{0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300};
const Histogram::BucketBoundaries kQuerySeconds{0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5};
const Histogram::BucketBoundaries kRequestSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5};

[[nodiscard]] std::string str(std::string_view text) { return std::string{text}; }

}  // namespace

struct Metrics::Impl {
  [[nodiscard]] Family<Counter>& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(str("auralink_") + name).Help(help).Register(registry);
  }
  [[nodiscard]] Family<Gauge>& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(str("auralink_") + name).Help(help).Register(registry);
  }
  [[nodiscard]] Family<Histogram>& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(str("auralink_") + name).Help(help).Register(registry);
  }

  prometheus::Registry registry;
  std::mutex mutex;  ///< for the sets: which gauges have to go back to 0
  std::set<std::pair<std::string, std::string>> pipelines_seen;
  std::set<std::string> memory_seen, recordings_seen;

  Family<Gauge>& build_info = gauge("build_info", "1, labelled with the running version");
  Family<Gauge>& pipelines = gauge("pipelines", "Conferences by pipeline template and state");
  Family<Counter>& starts = counter("pipeline_starts_total", "Workers asked to build a pipeline");
  Family<Counter>& ends = counter("pipeline_ends_total", "Conferences that ended, by result");
  Family<Histogram>& start_seconds =
      histogram("pipeline_start_seconds", "From the request until the pipeline plays");
  Family<Counter>& restarts =
      counter("pipeline_restarts_total", "Workers started again, by what ended the last");
  Family<Counter>& stalls = counter("pipeline_stalls_total", "Branches that stopped making progress");
  Family<Counter>& bytes = counter("branch_bytes_total", "Coded bytes accepted by branches");
  Family<Counter>& errors = counter("branch_errors_total", "Branches that failed");
  Family<Counter>& late =
      counter("late_frames_total", "Pictures that came too late for the mix or an encoder");
  Family<Counter>& dropped = counter("dropped_buffers_total", "Buffers a full branch queue had to drop");
  Family<Counter>& trunk_bytes =
      counter("trunk_bytes_total", "H.264 on the wire of trunks: without the tunnel (in) and with it (out)");
  Family<Counter>& trunk_units =
      counter("trunk_access_units_total", "Access units of trunks, coded or as they were");
  Family<Counter>& trunk_resyncs = counter("trunk_resyncs_total", "Ends of trunks that had to be met again");
  Family<Counter>& cpu = counter("worker_cpu_seconds_total", "User and system time of workers");
  Family<Gauge>& memory = gauge("worker_memory_bytes", "Proportional set size of live workers");
  Family<Gauge>& recordings = gauge("recordings", "Recordings that are known, by state");
  Family<Counter>& recording_ends = counter("recording_ends_total", "Recordings that ended, by result");
  Family<Histogram>& finish_seconds =
      histogram("recording_finish_seconds", "From the last media of a recording to the file that stays");
  Family<Gauge>& recordings_bytes = gauge("recordings_bytes", "Size of all recordings that are known");
  Family<Gauge>& free_bytes = gauge("recordings_free_bytes", "Space left where recordings go");
  Family<Gauge>& load = gauge("load_ratio", "Share of a resource that is in use, by anybody");
  Family<Histogram>& query_seconds = histogram("db_query_seconds", "Time the store took, by operation");
  Family<Gauge>& outbox = gauge("outbox_pending", "Events that wait for a store that cannot be written");
  Family<Gauge>& warm = gauge("warm_workers", "Idle workers waiting for a conference");
  Family<Gauge>& draining = gauge("draining", "1 while the daemon finishes and takes no new work");
  Family<Counter>& admissions = counter("admission_total", "Requests for new work, by decision and reason");
  Family<Counter>& requests = counter("http_requests_total", "HTTP requests answered");
  Family<Histogram>& request_seconds =
      histogram("http_request_seconds", "From headers to the end of the answer");
  Family<Counter>& auth = counter("auth_failures_total", "Requests refused before they were looked at");
  Family<Gauge>& streams = gauge("event_streams", "Open server-sent event streams");
};

Metrics::Metrics() : impl_{std::make_unique<Impl>()} {
  impl_->build_info.Add({{"version", AURALINK_VERSION}}).Set(1);
  impl_->draining.Add({}).Set(0);
  impl_->warm.Add({}).Set(0);
  impl_->streams.Add({}).Set(0);
  impl_->outbox.Add({}).Set(0);
  impl_->start_seconds.Add({}, kStartSeconds);
  impl_->finish_seconds.Add({}, kFinishSeconds);
}
Metrics::~Metrics() = default;

void Metrics::set_pipelines(const std::map<std::pair<std::string, std::string>, unsigned>& counts) {
  const std::scoped_lock lock{impl_->mutex};
  for (const auto& [key, count] : counts) impl_->pipelines_seen.insert(key);
  for (const auto& key : impl_->pipelines_seen) {
    const auto found = counts.find(key);
    impl_->pipelines.Add({{"template", key.first}, {"state", key.second}})
        .Set(found == counts.end() ? 0 : found->second);
  }
}
void Metrics::pipeline_started(std::string_view name) {
  impl_->starts.Add({{"template", str(name)}}).Increment();
}
void Metrics::pipeline_ended(std::string_view name, std::string_view result) {
  impl_->ends.Add({{"template", str(name)}, {"result", str(result)}}).Increment();
}
void Metrics::pipeline_running_after(double seconds) {
  impl_->start_seconds.Add({}, kStartSeconds).Observe(seconds);
}
void Metrics::pipeline_restarted(std::string_view cause) {
  impl_->restarts.Add({{"cause", str(cause)}}).Increment();
}
void Metrics::pipeline_stalled(std::string_view kind) {
  impl_->stalls.Add({{"branch_kind", str(kind)}}).Increment();
}

void Metrics::branch_bytes(std::string_view kind, std::uint64_t more) {
  impl_->bytes.Add({{"kind", str(kind)}}).Increment(static_cast<double>(more));
}
void Metrics::branch_error(std::string_view kind, std::string_view error_class) {
  impl_->errors.Add({{"kind", str(kind)}, {"class", str(error_class)}}).Increment();
}
void Metrics::late_frames(std::string_view name, std::uint64_t more) {
  impl_->late.Add({{"template", str(name)}}).Increment(static_cast<double>(more));
}
void Metrics::dropped_buffers(std::string_view kind, std::uint64_t more) {
  impl_->dropped.Add({{"kind", str(kind)}}).Increment(static_cast<double>(more));
}

void Metrics::trunk_bytes(std::string_view direction, std::uint64_t more) {
  impl_->trunk_bytes.Add({{"direction", str(direction)}}).Increment(static_cast<double>(more));
}
void Metrics::trunk_access_units(std::string_view mode, std::uint64_t more) {
  impl_->trunk_units.Add({{"mode", str(mode)}}).Increment(static_cast<double>(more));
}
void Metrics::trunk_resyncs(std::uint64_t more) {
  impl_->trunk_resyncs.Add({}).Increment(static_cast<double>(more));
}

void Metrics::worker_cpu(std::string_view name, double more) {
  impl_->cpu.Add({{"template", str(name)}}).Increment(more);
}
void Metrics::set_worker_memory(const std::map<std::string, std::uint64_t>& bytes) {
  const std::scoped_lock lock{impl_->mutex};
  for (const auto& [name, value] : bytes) impl_->memory_seen.insert(name);
  for (const auto& name : impl_->memory_seen) {
    const auto found = bytes.find(name);
    impl_->memory.Add({{"template", name}})
        .Set(found == bytes.end() ? 0 : static_cast<double>(found->second));
  }
}

void Metrics::set_recordings(const std::map<std::string, unsigned>& counts) {
  const std::scoped_lock lock{impl_->mutex};
  for (const auto& [state, count] : counts) impl_->recordings_seen.insert(state);
  for (const auto& state : impl_->recordings_seen) {
    const auto found = counts.find(state);
    impl_->recordings.Add({{"state", state}}).Set(found == counts.end() ? 0 : found->second);
  }
}
void Metrics::recording_ended(std::string_view container, std::string_view result) {
  impl_->recording_ends.Add({{"container", str(container)}, {"result", str(result)}}).Increment();
}
void Metrics::recording_finished_after(double seconds) {
  impl_->finish_seconds.Add({}, kFinishSeconds).Observe(seconds);
}
void Metrics::set_recordings_bytes(std::uint64_t bytes) {
  impl_->recordings_bytes.Add({}).Set(static_cast<double>(bytes));
}
void Metrics::set_free_bytes(std::uint64_t bytes) {
  impl_->free_bytes.Add({}).Set(static_cast<double>(bytes));
}
void Metrics::set_load(double cpu, double memory) {
  impl_->load.Add({{"resource", "cpu"}}).Set(cpu);
  impl_->load.Add({{"resource", "memory"}}).Set(memory);
}
void Metrics::db_query(std::string_view op, double seconds) {
  impl_->query_seconds.Add({{"op", str(op)}}, kQuerySeconds).Observe(seconds);
}
void Metrics::set_outbox_pending(std::size_t events) {
  impl_->outbox.Add({}).Set(static_cast<double>(events));
}
void Metrics::set_warm_workers(unsigned count) { impl_->warm.Add({}).Set(count); }
void Metrics::set_draining(bool draining) { impl_->draining.Add({}).Set(draining ? 1 : 0); }
void Metrics::admission(std::string_view decision, std::string_view reason) {
  impl_->admissions.Add({{"decision", str(decision)}, {"reason", str(reason)}}).Increment();
}

void Metrics::http_request(std::string_view route, std::string_view method, unsigned code, double seconds) {
  impl_->requests.Add({{"route", str(route)}, {"method", str(method)}, {"code", std::to_string(code)}})
      .Increment();
  impl_->request_seconds.Add({{"route", str(route)}}, kRequestSeconds).Observe(seconds);
}
void Metrics::auth_failure(std::string_view reason) {
  impl_->auth.Add({{"reason", str(reason)}}).Increment();
}
void Metrics::set_event_streams(unsigned count) { impl_->streams.Add({}).Set(count); }

std::string Metrics::text() const {
  return prometheus::TextSerializer{}.Serialize(impl_->registry.Collect());
}

}  // namespace auralink::telemetry
