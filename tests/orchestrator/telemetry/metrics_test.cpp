// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/telemetry/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace auralink::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, StartWithWhatIsAlwaysTrue) {
  const Metrics metrics;
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("auralink_build_info{version=\"" AURALINK_VERSION "\"} 1"));
  EXPECT_THAT(text, HasSubstr("auralink_draining 0"));
}

TEST(Metrics, CountWhatHappened) {
  Metrics metrics;
  metrics.pipeline_started("composite");
  metrics.pipeline_ended("composite", "stopped");
  metrics.pipeline_ended("composite", "stopped");
  metrics.pipeline_running_after(0.25);
  metrics.pipeline_restarted("crashed");
  metrics.pipeline_stalled("file");
  metrics.branch_bytes("file", 1000);
  metrics.branch_bytes("file", 24);
  metrics.branch_error("file", "sink");
  metrics.late_frames("composite", 3);
  metrics.recording_ended("mp4", "complete");
  metrics.recording_finished_after(0.3);
  metrics.set_recordings_bytes(1'000'000);
  metrics.set_free_bytes(5'000'000);
  metrics.set_load(0.5, 0.25);
  metrics.db_query("commit", 0.002);
  metrics.set_outbox_pending(4);
  metrics.dropped_buffers("file", 7);
  metrics.trunk_bytes("in", 2000);
  metrics.trunk_bytes("out", 1500);
  metrics.trunk_access_units("native", 2);
  metrics.trunk_resyncs(1);
  metrics.worker_cpu("composite", 1.5);
  metrics.admission("refused", "draining");
  metrics.http_request("/v1/conferences/{id}", "GET", 404, 0.002);
  metrics.auth_failure("unauthorized");
  const auto text = metrics.text();
  for (const char* line :
       {"auralink_pipeline_starts_total{template=\"composite\"} 1",
        "auralink_pipeline_ends_total{result=\"stopped\",template=\"composite\"} 2",
        "auralink_pipeline_start_seconds_bucket{le=\"0.3\"} 1",
        "auralink_pipeline_start_seconds_count 1",
        "auralink_pipeline_restarts_total{cause=\"crashed\"} 1",
        "auralink_pipeline_stalls_total{branch_kind=\"file\"} 1",
        "auralink_branch_bytes_total{kind=\"file\"} 1024",
        "auralink_branch_errors_total{class=\"sink\",kind=\"file\"} 1",
        "auralink_late_frames_total{template=\"composite\"} 3",
        "auralink_recording_ends_total{container=\"mp4\",result=\"complete\"} 1",
        "auralink_recording_finish_seconds_bucket{le=\"0.5\"} 1",
        "auralink_recordings_bytes 1000000",
        "auralink_recordings_free_bytes 5000000",
        "auralink_load_ratio{resource=\"cpu\"} 0.5",
        "auralink_load_ratio{resource=\"memory\"} 0.25",
        "auralink_db_query_seconds_count{op=\"commit\"} 1",
        "auralink_outbox_pending 4",
        "auralink_dropped_buffers_total{kind=\"file\"} 7",
        "auralink_trunk_bytes_total{direction=\"in\"} 2000",
        "auralink_trunk_bytes_total{direction=\"out\"} 1500",
        "auralink_trunk_access_units_total{mode=\"native\"} 2",
        "auralink_trunk_resyncs_total 1",
        "auralink_worker_cpu_seconds_total{template=\"composite\"} 1.5",
        "auralink_admission_total{decision=\"refused\",reason=\"draining\"} 1",
        "auralink_http_requests_total{code=\"404\",method=\"GET\",route=\"/v1/conferences/{id}\"} 1",
        "auralink_http_request_seconds_count{route=\"/v1/conferences/{id}\"} 1",
        "auralink_auth_failures_total{reason=\"unauthorized\"} 1"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Metrics, GaugesOfWhatIsGoneReturnToZero) {
  Metrics metrics;
  metrics.set_pipelines({{{"a", "running"}, 2}});
  metrics.set_worker_memory({{"a", 4096}});
  metrics.set_recordings({{"active", 2}});
  EXPECT_THAT(metrics.text(), HasSubstr("auralink_pipelines{state=\"running\",template=\"a\"} 2"));
  metrics.set_pipelines({{{"a", "ended"}, 2}});
  metrics.set_worker_memory({});
  metrics.set_recordings({{"complete", 2}});
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("auralink_pipelines{state=\"running\",template=\"a\"} 0"));
  EXPECT_THAT(text, HasSubstr("auralink_pipelines{state=\"ended\",template=\"a\"} 2"));
  EXPECT_THAT(text, HasSubstr("auralink_worker_memory_bytes{template=\"a\"} 0"));
  EXPECT_THAT(text, HasSubstr("auralink_recordings{state=\"active\"} 0"));
  EXPECT_THAT(text, HasSubstr("auralink_recordings{state=\"complete\"} 2"));
}

TEST(Metrics, EveryNameIsPrefixed) {
  Metrics metrics;
  metrics.admission("accepted", "");
  std::istringstream lines{metrics.text()};
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(line.empty() || line[0] == '#' || line.starts_with("auralink_")) << line;
}

}  // namespace
}  // namespace auralink::telemetry
