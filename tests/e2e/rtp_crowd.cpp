// SPDX-License-Identifier: LGPL-2.1-or-later
// rtp_crowd CONFIG.json: very many participants who send RTP to one port, at the pace of real ones, from one
// thread. Pictures are coded clips, sound is Opus; packets carry RFC 6464 levels. Who talks and who shows a
// picture is said on the standard input, one command a line:
//   level WHO DBOV   127: silent, a comfort packet every 400 ms; else 50 packets a second at this level
//   video WHO 0|1
//   quit
// Prints "ready" when it sends, and at the end one line of JSON about what it sent.
//
// CONFIG: {"host", "port", "levelId", "audioPayload", "videoPayload", "participants": [{"audio": {"ssrc",
// "tone"}, "video": {"ssrc", "clip"}}]}. A picture loss indication starts the clip over, which begins with a
// keyframe.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kTick = kSecond / 200;
constexpr std::size_t kRtpHeader = 12;
constexpr std::uint8_t kComfort = 0x08;  // an Opus packet of one byte: nothing to hear (RFC 6716 section 3.1)

struct Frame {
  std::vector<std::vector<std::uint8_t>> payloads;
  std::vector<bool> markers;
};
struct Clip {
  std::vector<Frame> frames;
  std::int64_t interval = kSecond / 30;
};

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "rtp_crowd: %s\n", why.c_str());
  std::exit(1);
}

/// What the launch line's payloader makes, frame by frame.
Clip packetize(const std::string& line) {
  GError* error = nullptr;
  auto* pipeline = gst_parse_launch((line + " ! appsink name=out sync=false").c_str(), &error);
  if (pipeline == nullptr || error != nullptr) die(line + ": " + (error != nullptr ? error->message : ""));
  auto* out = gst_bin_get_by_name(GST_BIN(pipeline), "out");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  Clip clip;
  GstClockTime first = GST_CLOCK_TIME_NONE, last = GST_CLOCK_TIME_NONE;
  while (auto* sample = gst_app_sink_pull_sample(GST_APP_SINK(out))) {
    auto* list = gst_sample_get_buffer_list(sample);
    std::vector<GstBuffer*> buffers;
    if (list != nullptr)
      for (guint i = 0; i < gst_buffer_list_length(list); ++i)
        buffers.push_back(gst_buffer_list_get(list, i));
    else
      buffers.push_back(gst_sample_get_buffer(sample));
    for (auto* buffer : buffers) {
      GstMapInfo map;
      gst_buffer_map(buffer, &map, GST_MAP_READ);
      const auto time = GST_BUFFER_PTS(buffer);
      if (clip.frames.empty() || time != last) clip.frames.emplace_back();
      if (first == GST_CLOCK_TIME_NONE) first = time;
      last = time;
      clip.frames.back().payloads.emplace_back(map.data + kRtpHeader, map.data + map.size);
      clip.frames.back().markers.push_back((map.data[1] & 0x80U) != 0);
      gst_buffer_unmap(buffer, &map);
    }
    gst_sample_unref(sample);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(out);
  gst_object_unref(pipeline);
  if (clip.frames.size() < 2) die(line + ": nothing came out");
  clip.interval = static_cast<std::int64_t>(last - first) / static_cast<std::int64_t>(clip.frames.size() - 1);
  return clip;
}

struct Stream {
  const Clip* clip = nullptr;
  std::uint32_t ssrc = 0;
  std::uint8_t payload = 0;
  std::uint32_t clock_rate = 90000;
  bool on = true;
  int level = -1;  // of a voice: 0..127
  std::size_t frame = 0;
  std::uint16_t seq = 0;
  double timestamp = 0;
  std::int64_t due = 0;
};

/// Collects packets and sends them with few system calls.
class Outbox {
 public:
  Outbox(int fd, const sockaddr_in& to) : fd_{fd}, to_{to} {}

  void add(Stream& s, const std::vector<std::uint8_t>& payload, bool marker, int level_id) {
    auto& head = heads_.at(count_);
    const bool extended = level_id > 0 && s.level >= 0;
    const auto stamp = static_cast<std::uint32_t>(static_cast<std::uint64_t>(s.timestamp));
    head = {static_cast<std::uint8_t>(extended ? 0x90U : 0x80U),
            static_cast<std::uint8_t>((marker ? 0x80U : 0U) | s.payload)};
    put(head, 2, s.seq++, 2);
    put(head, 4, stamp, 4);
    put(head, 8, s.ssrc, 4);
    if (extended) {
      put(head, 12, 0xBEDE0001U, 4);
      head[16] = static_cast<std::uint8_t>(level_id << 4);
      head[17] = static_cast<std::uint8_t>((s.level < 127 ? 0x80 : 0) | s.level);
    }
    parts_.at(count_) = {iovec{head.data(), extended ? 20U : kRtpHeader},
                         iovec{const_cast<std::uint8_t*>(payload.data()), payload.size()}};
    bytes += kRtpHeader + payload.size() + (extended ? 8U : 0U);
    if (++count_ == kMost) flush();
  }

  void flush() {
    std::array<mmsghdr, kMost> messages{};
    for (std::size_t i = 0; i < count_; ++i) {
      auto& head = messages.at(i).msg_hdr;
      head.msg_name = &to_;
      head.msg_namelen = sizeof to_;
      head.msg_iov = parts_.at(i).data();
      head.msg_iovlen = 2;
    }
    for (std::size_t done = 0; done < count_;) {
      const int n = ::sendmmsg(fd_, &messages.at(done), static_cast<unsigned>(count_ - done), 0);
      if (n <= 0) break;  // nobody listens yet
      done += static_cast<std::size_t>(n);
    }
    packets += count_;
    count_ = 0;
  }

  std::uint64_t packets = 0, bytes = 0;

 private:
  static constexpr std::size_t kMost = 64;
  using Head = std::array<std::uint8_t, 20>;
  static void put(Head& head, std::size_t at, std::uint32_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i)
      head.at(at + i) = static_cast<std::uint8_t>(value >> (8U * (size - 1 - i)));
  }
  int fd_;
  sockaddr_in to_;
  std::size_t count_ = 0;
  std::array<Head, kMost> heads_{};
  std::array<std::array<iovec, 2>, kMost> parts_{};
};

class Crowd {
 public:
  explicit Crowd(const nlohmann::json& config)
      : fd_{::socket(AF_INET, SOCK_DGRAM, 0)}, to_{address(config)}, outbox_{fd_, to_} {
    level_id_ = config.value("levelId", 0);
    for (const auto& p : config.at("participants")) {
      auto& [video, audio] = people_.emplace_back();
      if (p.contains("video")) {
        const auto path = p["video"]["clip"].get<std::string>();
        video = {&clip("filesrc location=\"" + path +
                       "\" ! qtdemux ! h264parse config-interval=-1 ! rtph264pay mtu=1200 "
                       "aggregate-mode=zero-latency"),
                 p["video"]["ssrc"], config.at("videoPayload")};
        video.frame = people_.size() * 37 % video.clip->frames.size();  // not all keyframes at once
      }
      if (p.contains("audio")) {
        audio = {&clip("audiotestsrc num-buffers=100 samplesperbuffer=960 volume=0.3 freq=" +
                       std::to_string(p["audio"]["tone"].get<int>()) +
                       " ! audio/x-raw,rate=48000,channels=1 ! opusenc bitrate=32000 ! rtpopuspay"),
                 p["audio"]["ssrc"], config.at("audioPayload"), 48000};
        audio.level = 127;
      }
    }
    ::fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  }

  void run() {
    timespec next{};
    ::clock_gettime(CLOCK_MONOTONIC, &next);
    const auto start = to_ns(next);
    for (std::size_t i = 0; i < people_.size(); ++i)  // spread over the first 400 ms
      people_[i].video.due = people_[i].audio.due =
          start + static_cast<std::int64_t>(i * 977 % 400) * (kSecond / 1000);
    std::puts("ready");
    std::fflush(stdout);
    for (auto now = start; commands();) {
      answer_rtcp();
      for (auto& person : people_) {
        send_video(person.video, now);
        send_audio(person.audio, now);
      }
      outbox_.flush();
      now += kTick;
      next.tv_sec = now / kSecond, next.tv_nsec = now % kSecond;
      ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
      timespec real{};
      ::clock_gettime(CLOCK_MONOTONIC, &real);
      latest_ = std::max(latest_, to_ns(real) - now);
    }
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    const nlohmann::json report{{"packets", outbox_.packets},
                                {"bytes", outbox_.bytes},
                                {"pictureLosses", picture_losses_},
                                {"latestMs", static_cast<double>(latest_) / 1e6},
                                {"cpuSeconds", seconds(usage.ru_utime) + seconds(usage.ru_stime)}};
    std::puts(report.dump().c_str());
  }

 private:
  struct Person {
    Stream video, audio;
  };

  static std::int64_t to_ns(const timespec& t) { return t.tv_sec * kSecond + t.tv_nsec; }
  static sockaddr_in address(const nlohmann::json& config) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(config.at("port").get<std::uint16_t>());
    ::inet_pton(AF_INET, config.value("host", "127.0.0.1").c_str(), &to.sin_addr);
    return to;
  }

  const Clip& clip(const std::string& line) {
    const auto [it, fresh] = clips_.try_emplace(line);
    if (fresh) it->second = packetize(line);
    return it->second;
  }

  void send_video(Stream& s, std::int64_t now) {
    if (s.clip == nullptr) return;
    while (s.due <= now) {
      const auto& frame = s.clip->frames[s.frame];
      if (s.on)
        for (std::size_t i = 0; i < frame.payloads.size(); ++i)
          outbox_.add(s, frame.payloads[i], frame.markers[i], 0);
      s.frame = (s.frame + 1) % s.clip->frames.size();
      s.timestamp += static_cast<double>(s.clip->interval) * s.clock_rate / kSecond;
      s.due += s.clip->interval;
    }
  }

  void send_audio(Stream& s, std::int64_t now) {
    static const std::vector<std::uint8_t> comfort{kComfort};
    constexpr std::int64_t packet = kSecond / 50, pause = 2 * kSecond / 5;
    if (s.clip == nullptr) return;
    while (s.due <= now) {
      const bool talks = s.level < 127;
      outbox_.add(s, talks ? s.clip->frames[s.frame].payloads.front() : comfort, false, level_id_);
      s.frame = (s.frame + 1) % s.clip->frames.size();
      const auto step = talks ? packet : pause;
      s.timestamp += static_cast<double>(step) * s.clock_rate / kSecond;
      s.due += step;
    }
  }

  /// False: time to end.
  bool commands() {
    std::array<char, 4096> bytes{};
    for (;;) {
      const auto n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
      if (n == 0) return false;
      if (n < 0) return true;
      input_.append(bytes.data(), static_cast<std::size_t>(n));
      for (auto end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
        std::istringstream line{input_.substr(0, end)};
        input_.erase(0, end + 1);
        std::string what;
        std::size_t who = 0;
        int value = 0;
        line >> what >> who >> value;
        if (what == "quit") return false;
        if (who >= people_.size()) die("there is no participant " + std::to_string(who));
        if (what == "video") people_[who].video.on = value != 0;
        if (what == "level") speak(people_[who].audio, value);
      }
    }
  }

  static void speak(Stream& s, int level) {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    // Who begins to talk does so now, not after the pause between two comfort packets.
    if (s.level == 127 && level < 127 && s.due > to_ns(t)) {
      s.timestamp -= static_cast<double>(s.due - to_ns(t)) * s.clock_rate / kSecond;
      s.due = to_ns(t);
    }
    s.level = level;
  }

  void answer_rtcp() {
    std::array<std::uint8_t, 2048> packet{};
    for (;;) {
      const auto n = ::recv(fd_, packet.data(), packet.size(), 0);
      if (n < 0) return;
      for (std::size_t at = 0; at + 12 <= static_cast<std::size_t>(n);) {
        const auto* p = packet.data() + at;
        if (p[1] == 206 && (p[0] & 0x1FU) == 1) {
          const std::uint32_t ssrc =
              std::uint32_t{p[8]} << 24U | std::uint32_t{p[9]} << 16U | std::uint32_t{p[10]} << 8U | p[11];
          for (auto& person : people_)
            if (person.video.clip != nullptr && person.video.ssrc == ssrc)
              person.video.frame = 0, ++picture_losses_;
        }
        at += 4U * ((std::size_t{p[2]} << 8U | p[3]) + 1U);
      }
    }
  }

  std::map<std::string, Clip> clips_;
  std::vector<Person> people_;
  int fd_;
  sockaddr_in to_;
  Outbox outbox_;
  int level_id_ = 0;
  std::string input_;
  std::uint64_t picture_losses_ = 0;
  std::int64_t latest_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc != 2) die("usage: rtp_crowd CONFIG.json");
  std::ifstream file{argv[1]};
  const auto config = nlohmann::json::parse(file, nullptr, false);
  if (config.is_discarded()) die(std::string{argv[1]} + " is no JSON");
  Crowd{config}.run();
  return 0;
}
