// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's Prometheus metrics: one method per fact, so that names and labels live in metrics.cpp alone.
// No label ever holds a conference, recording or address: their number is unbounded. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace auralink::telemetry {

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// Conferences now, by (template, state); pairs not in the map become 0.
  void set_pipelines(const std::map<std::pair<std::string, std::string>, unsigned>& counts);
  void pipeline_started(std::string_view template_name);
  void pipeline_ended(std::string_view template_name, std::string_view result);
  void pipeline_running_after(double seconds);  ///< from the request to PLAYING
  void pipeline_restarted(std::string_view cause);
  void pipeline_stalled(std::string_view branch_kind);

  void branch_bytes(std::string_view kind, std::uint64_t more);
  /// `error_class`: stalled, unfinished or sink.
  void branch_error(std::string_view kind, std::string_view error_class);
  void late_frames(std::string_view template_name, std::uint64_t more);
  void dropped_buffers(std::string_view kind, std::uint64_t more);

  /// `direction`: in is what would have gone without the tunnel, out what went.
  void trunk_bytes(std::string_view direction, std::uint64_t more);
  /// `mode`: coded or native.
  void trunk_access_units(std::string_view mode, std::uint64_t more);
  void trunk_resyncs(std::uint64_t more);

  void worker_cpu(std::string_view template_name, double more_seconds);
  /// PSS of the live workers by template; templates not in the map become 0.
  void set_worker_memory(const std::map<std::string, std::uint64_t>& bytes);
  /// Recordings now, by state; states not in the map become 0.
  void set_recordings(const std::map<std::string, unsigned>& counts);
  void recording_ended(std::string_view container, std::string_view result);
  void recording_finished_after(double seconds);  ///< from its last media to the file that stays
  void set_recordings_bytes(std::uint64_t bytes);
  void set_free_bytes(std::uint64_t bytes);

  /// Shares from 0 to 1.
  void set_load(double cpu, double memory);
  void db_query(std::string_view op, double seconds);
  void set_outbox_pending(std::size_t events);
  void set_warm_workers(unsigned count);
  void set_draining(bool draining);
  void admission(std::string_view decision, std::string_view reason);

  void http_request(std::string_view route, std::string_view method, unsigned code, double seconds);
  void auth_failure(std::string_view reason);
  void set_event_streams(unsigned count);

  /// Prometheus text exposition format 0.0.4.
  [[nodiscard]] std::string text() const;
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auralink::telemetry
