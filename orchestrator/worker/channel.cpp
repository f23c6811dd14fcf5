// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/worker/channel.hpp"

#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace auralink::worker {
namespace {

constexpr int kReadsPerWakeup = 16;  // a chatty peer must not starve the rest of the loop

void prepare(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  const int descriptor_flags = ::fcntl(fd, F_GETFD);
  if (descriptor_flags >= 0) ::fcntl(fd, F_SETFD, descriptor_flags | FD_CLOEXEC);
}

}  // namespace

class Channel::Impl : public std::enable_shared_from_this<Channel::Impl> {
 public:
  Impl(int fd, Callbacks callbacks, GMainContext* context)
      : fd_{fd}, callbacks_{std::move(callbacks)}, context_{context} {
    if (context_ != nullptr) g_main_context_ref(context_);
    prepare(fd_);
    watch(G_IO_IN);
  }
  ~Impl() {
    close_socket();
    if (closing_ != nullptr) drop(closing_);
    if (context_ != nullptr) g_main_context_unref(context_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void abandon() {
    callbacks_ = {};
    close_socket();
    if (closing_ != nullptr) drop(closing_);
  }

  bool send(std::string_view payload) {
    if (fd_ < 0) return false;
    if (payload.size() > kMaxFrameBytes) return fail_later("a message to send is longer than a frame may be");
    queue_ += frame(payload);
    if (!write_some()) return false;
    if (queue_.size() - written_ > kMaxQueuedBytes) return fail_later("the peer does not read");
    watch(wanted());
    return true;
  }

  bool flush(std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (fd_ >= 0 && queue_.size() > written_) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      pollfd one{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (::poll(&one, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) return false;
      if (!write_some()) return false;
    }
    return fd_ >= 0;
  }

  [[nodiscard]] bool open() const { return fd_ >= 0; }
  [[nodiscard]] bool broken() const { return broken_; }
  [[nodiscard]] std::size_t queued() const { return queue_.size() - written_; }

 private:
  [[nodiscard]] GIOCondition wanted() const {
    return queue_.size() > written_ ? static_cast<GIOCondition>(G_IO_IN | G_IO_OUT) : G_IO_IN;
  }

  void watch(GIOCondition condition) {
    if (source_ != nullptr && condition == watched_) return;
    if (source_ != nullptr) drop(source_);
    watched_ = condition;
    source_ = g_unix_fd_source_new(fd_, condition);
    g_source_set_callback(source_, G_SOURCE_FUNC(&Impl::on_ready), this, nullptr);
    g_source_attach(source_, context_);
  }

  static void drop(GSource*& source) {
    g_source_destroy(source);
    g_source_unref(source);
    source = nullptr;
  }

  static gboolean on_ready(gint /*fd*/, GIOCondition condition, gpointer self) {
    // A callback may destroy the Channel; this reference keeps the ground under our feet.
    const auto alive = static_cast<Impl*>(self)->shared_from_this();
    alive->ready(condition);
    return G_SOURCE_CONTINUE;  // watch() and close_socket() destroy the source themselves
  }

  void ready(GIOCondition condition) {
    if ((condition & G_IO_OUT) != 0 && fd_ >= 0) {
      if (!write_some()) return;
      watch(wanted());
    }
    if ((condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)) != 0) read_some();
  }

  void read_some() {
    std::array<std::uint8_t, 16384> bytes;  // NOLINT(*-member-init): filled by recv
    for (int i = 0; i < kReadsPerWakeup && fd_ >= 0; ++i) {
      const auto got = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (got < 0) return fail_now(std::string{"reading failed: "} + std::strerror(errno));
      if (got == 0)
        return fail_now(reader_.pending() > 0 ? "the peer closed in the middle of a frame"
                                              : "the peer closed");
      const auto fed = reader_.feed({bytes.data(), static_cast<std::size_t>(got)});
      deliver();
      if (!fed) {
        broken_ = true;
        return fail_now(fed.error());
      }
    }
  }

  void deliver() {
    while (fd_ >= 0) {
      const auto payload = reader_.next();
      if (!payload) return;
      if (callbacks_.on_message) {
        const auto handler = callbacks_.on_message;  // survives the channel's end inside the call
        handler(*payload);
      }
    }
  }

  bool write_some() {
    while (queue_.size() > written_) {
      const auto sent =
          ::send(fd_, queue_.data() + written_, queue_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
      // What the peer said before it went away is still in the socket: let reading find the end.
      if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
        queue_.clear();
        written_ = 0;
        return false;
      }
      if (sent < 0) return fail_later(std::string{"writing failed: "} + std::strerror(errno));
      written_ += static_cast<std::size_t>(sent);
    }
    if (written_ == queue_.size() || written_ > kMaxFrameBytes) {
      queue_.erase(0, written_);
      written_ = 0;
    }
    return true;
  }

  void close_socket() {
    if (source_ != nullptr) drop(source_);
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    queue_.clear();
    written_ = 0;
  }

  void fail_now(std::string reason) {
    if (fd_ < 0) return;
    close_socket();
    const auto handler = std::exchange(callbacks_, {}).on_closed;
    if (handler) handler(std::move(reason));
  }

  /// From inside send(): the caller must not see its own object end under it.
  bool fail_later(std::string reason) {
    close_socket();
    reason_ = std::move(reason);
    closing_ = g_idle_source_new();
    g_source_set_priority(closing_, G_PRIORITY_DEFAULT);
    g_source_set_callback(
        closing_,
        [](gpointer self) -> gboolean {
          const auto alive = static_cast<Impl*>(self)->shared_from_this();
          const auto handler = std::exchange(alive->callbacks_, {}).on_closed;
          if (handler) handler(alive->reason_);
          return G_SOURCE_REMOVE;
        },
        this, nullptr);
    g_source_attach(closing_, context_);
    return false;
  }

  int fd_;
  Callbacks callbacks_;
  GMainContext* context_;
  GSource* source_ = nullptr;
  GSource* closing_ = nullptr;
  GIOCondition watched_ = G_IO_IN;
  FrameReader reader_;
  std::string queue_;
  std::size_t written_ = 0;
  std::string reason_;
  bool broken_ = false;
};

Channel::Channel(int fd, Callbacks callbacks, GMainContext* context)
    : impl_{std::make_shared<Impl>(fd, std::move(callbacks), context)} {}
Channel::~Channel() { impl_->abandon(); }
bool Channel::send(const google::protobuf::MessageLite& message) {
  return impl_->send(message.SerializeAsString());
}
bool Channel::send_payload(std::string_view payload) { return impl_->send(payload); }
bool Channel::flush(std::chrono::milliseconds timeout) { return impl_->flush(timeout); }
bool Channel::open() const { return impl_->open(); }
bool Channel::broken() const { return impl_->broken(); }
std::size_t Channel::queued_bytes() const { return impl_->queued(); }

}  // namespace auralink::worker
