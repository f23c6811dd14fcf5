// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/rtp_receiver.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <deque>
#include <random>
#include <system_error>
#include <unordered_map>

#include "orchestrator/pipeline/rtp_ingress.hpp"

namespace auralink::pipeline {

using support::Owned;

namespace {

constexpr std::size_t kBatch = 32;
constexpr std::size_t kLargestPacket = 9216;    // a jumbo frame; RTP that is fragmented by IP is not for us
constexpr int kSocketBuffer = 4 * 1024 * 1024;  // the kernel gives what it allows
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kTick = kSecond / 20;     // how often the choice is made
constexpr std::int64_t kNap = kSecond / 500;     // collects packets, so that a wake-up serves several
constexpr std::int64_t kSeating = kSecond / 20;  // from being fed to being mixed
constexpr std::int64_t kLongestPreroll = kSecond / 3;
constexpr std::size_t kPrerollPackets = 16;
constexpr std::int64_t kKeyframeEvery = kSecond / 2;

std::int64_t clock_ns(clockid_t id) {
  timespec t{};
  ::clock_gettime(id, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

std::string system_error(const std::string& what) {
  return what + ": " + std::error_code{errno, std::generic_category()}.message();
}

/// One descriptor per port: a thousand ports need more than the usual soft limit.
void allow_descriptors(std::size_t ports) {
  rlimit limit{};
  constexpr rlim_t kOthers = 512;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= ports + kOthers) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, ports + kOthers);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

bool to_sockaddr(const std::string& address, std::uint16_t port, sockaddr_storage& out, socklen_t& size) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
  if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET, v4->sin_port = htons(port), size = sizeof *v4;
    return true;
  }
  if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6, v6->sin6_port = htons(port), size = sizeof *v6;
  return true;
}

}  // namespace

struct RtpReceiver::Stream {
  struct Kept {
    std::int64_t arrived;
    std::vector<std::uint8_t> bytes;
  };
  std::size_t participant = 0;
  Media media = Media::audio;
  std::uint8_t payload = 0, level_id = 0;
  bool feedback = false;
  Port* port = nullptr;
  Owned<GstElement> feed;  // an appsrc
  std::deque<Kept> kept;
  std::uint32_t ssrc = 0;     // of the last packet
  sockaddr_storage sender{};  // of the last packet
  socklen_t sender_size = 0;  // 0: none yet
  std::int64_t asked_at = INT64_MIN / 2;
};

struct RtpReceiver::Port {
  int fd = -1;
  std::uint16_t number = 0;
  std::unordered_map<std::uint32_t, Stream*> by_ssrc;
  Stream* only = nullptr;  // takes any SSRC
  std::uint32_t overrun = 0;
};

/// What one recvmmsg() brings.
struct RtpReceiver::Batch {
  using Control = std::array<char, 128>;
  Batch() {
    for (std::size_t i = 0; i < kBatch; ++i) {
      parts[i] = {bytes[i].data(), bytes[i].size()};
      auto& head = messages[i].msg_hdr;
      head.msg_iov = &parts[i];
      head.msg_iovlen = 1;
      head.msg_name = &senders[i];
      head.msg_control = controls[i].data();
    }
  }
  void rearm() {
    for (auto& message : messages) {
      message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
      message.msg_hdr.msg_controllen = sizeof(Control);
    }
  }
  std::vector<std::array<std::uint8_t, kLargestPacket>> bytes{kBatch};
  std::array<iovec, kBatch> parts{};
  std::array<sockaddr_storage, kBatch> senders{};
  alignas(cmsghdr) std::array<Control, kBatch> controls{};
  std::array<mmsghdr, kBatch> messages{};
};

RtpReceiver::RtpReceiver(const RtpSource& source, ActiveSpeaker::Options options,
                         std::function<void()> on_choice)
    : on_choice_{std::move(on_choice)},
      of_participant_(source.participants.size()),
      speaker_{options, source.participants.size()},
      own_ssrc_{std::random_device{}()},
      preroll_{std::clamp<std::int64_t>(source.jitter.count() - kSeating, 0, kLongestPreroll)},
      epoll_{::epoll_create1(EPOLL_CLOEXEC)},
      wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
      timer_{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)} {
  allow_descriptors(2 * source.participants.size());
  for (std::size_t i = 0; i < source.participants.size(); ++i) {
    const auto& p = source.participants[i];
    if (p.video) add_stream(source, i, *p.video, Media::video);
    if (p.audio) add_stream(source, i, *p.audio, Media::audio);
  }
}

void RtpReceiver::stop() {
  stopping_ = true;
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

RtpReceiver::~RtpReceiver() {
  stop();
  for (const auto& port : ports_) ::close(port->fd);
  for (const int fd : {epoll_, wake_, timer_})
    if (fd >= 0) ::close(fd);
}

RtpReceiver::Port* RtpReceiver::open(const RtpSource& source, std::uint16_t number, std::string& error) {
  const auto known = std::ranges::find_if(ports_, [&](const auto& port) { return port->number == number; });
  if (known != ports_.end()) return known->get();
  sockaddr_storage address{};
  socklen_t size = 0;
  if (!to_sockaddr(source.address, number, address, size)) {
    error = "\"" + source.address + "\" is no address";
    return nullptr;
  }
  auto port = std::make_unique<Port>();
  port->number = number;
  port->fd = ::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (port->fd < 0) {
    error = system_error("no socket for port " + std::to_string(number));
    return nullptr;
  }
  const int on = 1;
  ::setsockopt(port->fd, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  ::setsockopt(port->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  ::setsockopt(port->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = port.get();
  if (::bind(port->fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, port->fd, &event) != 0) {
    error = system_error("cannot listen on " + source.address + " port " + std::to_string(number));
    ::close(port->fd);
    return nullptr;
  }
  return ports_.emplace_back(std::move(port)).get();
}

void RtpReceiver::add_stream(const RtpSource& source, std::size_t participant, const RtpStream& plan,
                             Media media) {
  std::string error;
  auto* port = open(source, plan.port, error);
  if (port == nullptr) return faults_.push_back({participant, error});
  auto& stream = *streams_.emplace_back(std::make_unique<Stream>());
  stream.participant = participant;
  stream.media = media;
  stream.payload = plan.payload;
  stream.level_id = plan.level_id;
  stream.feedback = plan.feedback;
  stream.port = port;
  (media == Media::video ? of_participant_[participant].first : of_participant_[participant].second) =
      &stream;
  if (plan.ssrc)
    port->by_ssrc[*plan.ssrc] = &stream;
  else
    port->only = &stream;
}

void RtpReceiver::start(GstElement* pipeline) {
  const Owned<GstClock> clock{gst_element_get_clock(pipeline)};
  const auto running = clock ? gst_clock_get_time(clock.get()) - gst_element_get_base_time(pipeline) : 0;
  base_ = monotonic() - static_cast<std::int64_t>(running);
  const itimerspec every{{0, kTick}, {0, kTick}};
  ::timerfd_settime(timer_, 0, &every, nullptr);
  for (const int fd : {wake_, timer_}) {
    epoll_event event{};
    event.events = EPOLLIN;  // told apart from ports by their null pointer
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
  thread_ = std::thread{[this] { run(); }};
}

std::int64_t RtpReceiver::monotonic() { return clock_ns(CLOCK_MONOTONIC); }

void RtpReceiver::run() {
  ::pthread_setname_np(::pthread_self(), "rtp-receiver");
  const auto batch = std::make_unique<Batch>();
  std::array<epoll_event, 64> events{};
  while (!stopping_) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      if (auto* port = static_cast<Port*>(events.at(static_cast<std::size_t>(i)).data.ptr)) {
        drain(*port, *batch);
        continue;
      }
      std::uint64_t expired = 0;
      if (::read(timer_, &expired, sizeof expired) == sizeof expired) choose();
    }
    // Half the cost of receiving is waking up. Arrival times are the kernel's, so nothing shifts.
    const timespec nap{0, kNap};
    if (!stopping_) ::nanosleep(&nap, nullptr);
  }
}

void RtpReceiver::drain(Port& port, Batch& batch) {
  // Bounded, so that one port that is flooded cannot starve the others and the choice.
  for (int round = 0; round < 16; ++round) {
    batch.rearm();
    const int count = ::recvmmsg(port.fd, batch.messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (count <= 0) return;
    const auto now = monotonic();
    const std::scoped_lock lock{mutex_};
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) take(port, batch, i, now);
    if (static_cast<std::size_t>(count) < kBatch) return;
  }
}

void RtpReceiver::take(Port& port, Batch& batch, std::size_t index, std::int64_t now) {
  auto& message = batch.messages.at(index);
  ++counters_.received;
  std::int64_t arrived = now;
  for (auto* c = CMSG_FIRSTHDR(&message.msg_hdr); c != nullptr; c = CMSG_NXTHDR(&message.msg_hdr, c)) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type == SCM_TIMESTAMPNS) {
      timespec t{};
      std::memcpy(&t, CMSG_DATA(c), sizeof t);
      // How long it lay in the socket; when somebody sets the clock meanwhile this is nonsense and bounded.
      const auto age = clock_ns(CLOCK_REALTIME) - (t.tv_sec * kSecond + t.tv_nsec);
      arrived = now - std::clamp<std::int64_t>(age, 0, kSecond / 5);
    } else if (c->cmsg_type == SO_RXQ_OVFL) {
      std::uint32_t total = 0;
      std::memcpy(&total, CMSG_DATA(c), sizeof total);
      counters_.overrun += total - port.overrun;
      port.overrun = total;
    }
  }
  const std::span<const std::uint8_t> packet{batch.bytes[index].data(), message.msg_len};
  const auto arrival = (message.msg_hdr.msg_flags & MSG_TRUNC) != 0 ? RtpArrival{} : read_rtp_arrival(packet);
  if (arrival.what != Ingress::rtp) {
    ++(arrival.what == Ingress::rtcp ? counters_.rtcp : counters_.malformed);
    return;
  }
  const auto known = port.by_ssrc.find(arrival.ssrc);
  Stream* stream = known != port.by_ssrc.end() ? known->second : port.only;
  if (stream == nullptr || stream->payload != arrival.payload) {
    ++counters_.stranger;
    return;
  }
  stream->ssrc = arrival.ssrc;
  stream->sender = batch.senders.at(index);
  stream->sender_size = message.msg_hdr.msg_namelen;
  if (stream->media == Media::video) {
    speaker_.on_picture(stream->participant, now);
  } else {
    const auto level = stream->level_id != 0 ? read_audio_level(packet, stream->level_id) : std::nullopt;
    if (level)
      speaker_.on_level(stream->participant, *level, now);
    else
      speaker_.on_sound(stream->participant, now);
  }
  forward(*stream, packet, arrived);
}

void RtpReceiver::forward(Stream& stream, std::span<const std::uint8_t> packet, std::int64_t arrived) {
  if (!stream.feed) {
    if (stream.media == Media::video) return;
    ++counters_.unchosen;
    while (!stream.kept.empty() &&
           (stream.kept.front().arrived < arrived - preroll_ || stream.kept.size() >= kPrerollPackets))
      stream.kept.pop_front();
    stream.kept.push_back({arrived, {packet.begin(), packet.end()}});
    return;
  }
  auto* buffer = gst_buffer_new_memdup(packet.data(), packet.size());
  GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(std::max<std::int64_t>(0, arrived - base_));
  // Never waits: the queue of the appsrc is bounded and drops its oldest.
  if (gst_app_src_push_buffer(GST_APP_SRC_CAST(stream.feed.get()), buffer) == GST_FLOW_OK)
    ++counters_.forwarded;
}

void RtpReceiver::choose() {
  bool changed = false;
  {
    const std::scoped_lock lock{mutex_};
    const auto before = speaker_.choice();
    changed = speaker_.choose(monotonic()) != before;
  }
  if (changed) on_choice_();
}

ActiveSpeaker::Choice RtpReceiver::choice() const {
  const std::scoped_lock lock{mutex_};
  return speaker_.choice();
}

std::vector<RtpReceiver::Presence> RtpReceiver::presence() const {
  const auto now = monotonic();
  const std::scoped_lock lock{mutex_};
  std::vector<Presence> out(of_participant_.size());
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = {speaker_.has_sound(i, now), speaker_.has_picture(i, now)};
  return out;
}

RtpReceiver::Counters RtpReceiver::counters() const {
  const std::scoped_lock lock{mutex_};
  return counters_;
}

RtpReceiver::Stream* RtpReceiver::find(std::size_t participant, Media media) const {
  if (participant >= of_participant_.size()) return nullptr;
  const auto& [video, audio] = of_participant_[participant];
  return media == Media::video ? video : audio;
}

void RtpReceiver::feed(std::size_t participant, Media media, GstAppSrc* feed) {
  const std::scoped_lock lock{mutex_};
  auto* stream = find(participant, media);
  if (stream == nullptr) return;
  stream->feed.reset(feed != nullptr ? GST_ELEMENT(gst_object_ref(feed)) : nullptr);
  if (feed == nullptr) return;
  const auto kept = std::exchange(stream->kept, {});
  const auto now = monotonic();
  for (const auto& one : kept)
    if (one.arrived >= now - preroll_) forward(*stream, one.bytes, one.arrived);
}

void RtpReceiver::ask_for_keyframe(std::size_t participant) {
  const std::scoped_lock lock{mutex_};
  auto* stream = find(participant, Media::video);
  const auto now = monotonic();
  if (stream == nullptr || !stream->feedback || stream->sender_size == 0) return;
  if (now - stream->asked_at < kKeyframeEvery) return;
  stream->asked_at = now;
  const auto request = make_picture_loss(own_ssrc_, stream->ssrc);
  // Does not wait; if it is lost, the next one comes in half a second.
  (void)!::sendto(stream->port->fd, request.data(), request.size(), MSG_DONTWAIT,
                  reinterpret_cast<const sockaddr*>(&stream->sender), stream->sender_size);
}

}  // namespace auralink::pipeline
