// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/lifeline.hpp"

#include <utility>

namespace auralink::worker {
namespace {

constexpr std::uint32_t kWarning = 2;  // GStreamer's level, as in every Log

[[nodiscard]] bool chatter(const v1::FromWorker& message) { return message.has_stats() || message.has_log(); }

}  // namespace

Lifeline::Lifeline(int fd, Callbacks callbacks, std::chrono::milliseconds orphan_time)
    : callbacks_{std::move(callbacks)}, orphan_time_{orphan_time} {
  connect(fd);
}
Lifeline::~Lifeline() = default;

void Lifeline::connect(int fd) {
  channel_ = std::make_unique<Channel>(
      fd,
      Channel::Callbacks{.on_message = [this](std::string_view payload) { callbacks_.on_message(payload); },
                         .on_closed = [this](const std::string& reason) { on_closed(reason); }});
}

tl::expected<void, std::string> Lifeline::rescue_at(const std::string& path) {
  auto rescue = Rescue::listen(path, [this](int fd) {
    rescue_->close();
    patience_.cancel();
    connect(fd);
    callbacks_.on_adopted();
  });
  if (!rescue) return tl::unexpected(rescue.error());
  rescue_ = std::move(*rescue);
  return {};
}

void Lifeline::no_rescue() {
  patience_.cancel();
  rescue_.reset();
}

bool Lifeline::waiting() const { return rescue_ != nullptr && !channel_->open(); }

void Lifeline::on_closed(const std::string& reason) {
  if (rescue_ == nullptr) return alone(reason);
  rescue_->open();
  patience_.start(nullptr, orphan_time_, [this] {
    rescue_.reset();
    alone("nobody took over");
  });
}

void Lifeline::alone(const std::string& reason) {
  const auto handler = std::exchange(callbacks_.on_alone, {});
  if (handler) handler("the daemon is gone: " + reason);
}

void Lifeline::send(const v1::FromWorker& message) {
  if (!channel_->open()) return;
  // A daemon that is stopped or busy costs this process memory, never media time; and what is only news for a
  // moment is not worth that.
  if (chatter(message) && channel_->queued_bytes() > kMostChatter) {
    ++dropped_;
    return;
  }
  if (message.has_log() && dropped_ > told_) {
    v1::FromWorker note;
    note.set_epoch(message.epoch());
    note.mutable_log()->set_level(kWarning);
    note.mutable_log()->set_category("worker");
    note.mutable_log()->set_message(std::to_string(dropped_ - told_) +
                                    " statistics and log lines were dropped: the daemon did not read");
    told_ = dropped_;
    channel_->send(note);
  }
  channel_->send(message);
}

bool Lifeline::flush(std::chrono::milliseconds timeout) { return channel_->flush(timeout); }

}  // namespace auralink::worker
