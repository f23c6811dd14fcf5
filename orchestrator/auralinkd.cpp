// SPDX-License-Identifier: LGPL-2.1-or-later
// The control daemon: connects the rooms and runs the main loop. Everything happens on this one thread.
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "orchestrator/api/api.hpp"
#include "orchestrator/api/observer.hpp"
#include "orchestrator/api/server.hpp"
#include "orchestrator/awake_clock.hpp"
#include "orchestrator/config.hpp"
#include "orchestrator/notify.hpp"
#include "orchestrator/pipeline/catalog.hpp"
#include "orchestrator/session/service.hpp"
#include "orchestrator/store/recordings_folder.hpp"
#include "orchestrator/telemetry/log.hpp"
#include "orchestrator/telemetry/metrics.hpp"
#include "orchestrator/timed_store.hpp"
#include "orchestrator/worker/finish_host.hpp"
#include "orchestrator/worker/host.hpp"
#include "orchestrator/worker/machine.hpp"
#include "orchestrator/worker/privacy.hpp"
#ifdef AURALINK_HAVE_SQLITE
#include "orchestrator/store/sqlite.hpp"
#else
#include "orchestrator/store/memory.hpp"
#endif

namespace auralink {
namespace {

using session::Millis;

constexpr guint kTickMs = 100;
constexpr guint kSampleMs = 1000;
constexpr Millis kKillWait{5'000};  ///< after a second signal: how long killed workers may take to be reaped

[[nodiscard]] tl::expected<std::string, std::string> read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) return tl::unexpected(std::string{std::strerror(errno)});
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

#ifdef AURALINK_HAVE_SQLITE
using StoreOfChoice = store::SqliteStore;
#else
using StoreOfChoice = store::MemoryStore;
#endif

[[nodiscard]] std::unique_ptr<StoreOfChoice> open_store(const Config& config) {
#ifdef AURALINK_HAVE_SQLITE
  return std::make_unique<store::SqliteStore>(store::SqliteSettings{.folder = config.state_dir});
#else
  std::filesystem::create_directories(config.state_dir);
  return std::make_unique<store::MemoryStore>();
#endif
}

class Daemon {
 public:
  Daemon(const Config& config, const telemetry::Logger& logger)
      : config_{config},
        logger_{logger},
        store_{open_store(config)},
        storage_{store::FolderSettings{.root = config.recordings_dir}},
        catalog_{{config.pipelines_dirs.begin(), config.pipelines_dirs.end()},
                 [this](std::string_view key) { return lookup(config_.values, key); }},
        host_{{.program = config.worker,
               .warm = config.warm_workers,
               .media_root = config.media_root,
               .rescue_folder = config.run_dir,
               .groups = config.worker_groups,
               .core_dumps = config.core_dumps},
              logger},
        finisher_{{.program = config.worker, .started = [this](pid_t pid) { host_.set_aside(pid); }}, logger},
        timed_{*store_, [this](std::string_view op, double seconds) { metrics_.db_query(op, seconds); }},
        service_{config.session, clock_, timed_, catalog_, host_, storage_},
        observer_{service_, metrics_, logger},
        api_{service_, metrics_, about(), [this] { observer_.sample(); }},
        loop_{g_main_loop_new(nullptr, FALSE)} {
    host_.set_events(&service_);
    finisher_.set_events(&service_);
    service_.set_finisher(&finisher_);
    service_.set_machine(&machine_);
    service_.add_listener(&observer_);
    api_.set_replays(&replays_);
  }
  ~Daemon() {
    host_.set_events(nullptr);
    finisher_.set_events(nullptr);
    if (!url_file_.empty()) ::unlink(url_file_.c_str());
    g_main_loop_unref(loop_);
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  tl::expected<void, std::string> start() {
    const auto listen = api::parse_listen(config_.listen);
    if (!listen) return tl::unexpected(listen.error());
    api::ServerSettings settings{.listen = *listen};
    auto tokens = read_tokens();
    if (!tokens) return tl::unexpected(tokens.error());
    settings.tokens = std::move(*tokens);
    // A daemon that was killed leaves its address behind; until this one listens there is none.
    ::unlink((config_.state_dir + "/auralinkd.url").c_str());
    for (const auto& broken : catalog_.broken())
      for (const auto& error : broken.errors)
        logger_.error("a pipeline description cannot be used",
                      {{"file", broken.file.string()}, {"pointer", error.pointer}, {"error", error.detail}});
    machine_.sample(clock_.monotonic());
    service_.recover();
    host_.dismiss_orphans();
    auto server = api::Server::start(std::move(settings), api_, service_, clock_, metrics_, logger_);
    if (!server) return tl::unexpected(server.error());
    server_ = std::move(*server);
    service_.add_listener(server_.get());
    if (auto written = write_url(); !written) return written;
    logger_.info("listening", {{"url", server_->url()},
                               {"state", config_.state_dir},
                               {"recordings", storage_.root()},
                               {"pipelines", catalog_.list().size()},
                               {"pid", ::getpid()}});
    host_.warm_up();
    notifier_.ready();
    return {};
  }

  int run() {
    g_timeout_add(kTickMs, &Daemon::on_tick, this);
    g_timeout_add(kSampleMs, &Daemon::on_sample, this);
    g_unix_signal_add(SIGTERM, &Daemon::on_signal, this);
    g_unix_signal_add(SIGINT, &Daemon::on_signal, this);
    g_unix_signal_add(SIGHUP, &Daemon::on_reload, this);
    g_main_loop_run(loop_);
    logger_.info("stopped", {{"workers", host_.processes()}});
    return 0;
  }

 private:
  [[nodiscard]] api::About about() {
    return {.state_dir = config_.state_dir,
            .recordings_dir = storage_.root(),
            .pipelines_dir = config_.pipelines_dirs.empty() ? std::string{} : config_.pipelines_dirs.front(),
            .media_root = config_.media_root,
            .max_conferences = config_.session.max_conferences,
            .max_branches = config_.session.max_branches,
            .warm_workers = [this] { return host_.idle(); }};
  }

  [[nodiscard]] tl::expected<api::Tokens, std::string> read_tokens() const {
    api::Tokens tokens;
    if (!config_.tokens_file.empty()) {
      const auto content = read_file(config_.tokens_file);
      if (!content) return tl::unexpected(config_.tokens_file + ": " + content.error());
      auto parsed = api::Tokens::parse(*content);
      if (!parsed)
        return tl::unexpected(config_.tokens_file + ": " + parsed.error().front().pointer + ": " +
                              parsed.error().front().detail);
      tokens = std::move(*parsed);
    }
    if (!config_.token_file.empty()) {
      const auto token = read_file(config_.token_file).and_then([](const std::string& content) {
        return api::check_token(content);
      });
      if (!token) return tl::unexpected(config_.token_file + ": " + token.error());
      tokens.add_single(*token);
    }
    return tokens;
  }

  /// auralinkctl finds a daemon by this file; it appears whole or not at all.
  tl::expected<void, std::string> write_url() {
    const auto file = config_.state_dir + "/auralinkd.url";
    const auto fresh = file + ".new";
    std::ofstream out{fresh, std::ios::trunc};
    out << server_->url() << '\n';
    out.close();
    if (!out || std::rename(fresh.c_str(), file.c_str()) != 0)
      return tl::unexpected("cannot write " + file + ": " + std::strerror(errno));
    url_file_ = file;
    return {};
  }

  void sample_machine() {
    const auto load = machine_.load();
    const auto share = [](double used, double all) { return all > 0 ? used / all : 0; };
    const auto memory = static_cast<double>(load.memory_bytes);
    metrics_.set_load(share(load.busy_cpus, load.cpus),
                      share(memory - static_cast<double>(load.available_bytes), memory));
    if (const auto free = storage_.free_bytes()) metrics_.set_free_bytes(*free);
  }

  /// For `systemctl status`.
  [[nodiscard]] std::string summary() const {
    const auto conferences = service_.conferences();
    const auto recordings = service_.recordings();
    const auto live = std::count_if(conferences.begin(), conferences.end(), [](const auto* one) {
      return one->state != session::ConferenceState::ended;
    });
    const auto active = std::count_if(recordings.begin(), recordings.end(), [](const auto* one) {
      return one->state == session::RecordingState::active;
    });
    return std::string{service_.draining() ? "finishing: " : ""} + std::to_string(live) + " conferences, " +
           std::to_string(active) + " recordings, " + std::to_string(host_.idle()) + " idle workers";
  }

  template <class Work>
  void guarded(const Work& work) noexcept {
    try {
      work();
    } catch (const std::exception& error) {
      logger_.error("unexpected failure in the main loop", {{"error", error.what()}});
    }
  }

  static gboolean on_tick(gpointer data) {
    auto* self = static_cast<Daemon*>(data);
    self->guarded([self] {
      const auto missed = self->clock_.missed();
      const auto now = self->clock_.monotonic();
      if (self->clock_.missed() > missed)
        self->logger_.warning("the daemon did not run for a while; deadlines move by that",
                              {{"ms", (self->clock_.missed() - missed).count()}});
      self->service_.tick();
      self->notifier_.alive(now);
      const bool idle =
          self->service_.drained() && self->host_.processes() == 0 && self->finisher_.pending() == 0;
      const bool waited = self->killed_at_ && self->clock_.monotonic() - *self->killed_at_ > kKillWait;
      if ((self->signals_ > 0 && idle) || waited) g_main_loop_quit(self->loop_);
    });
    return G_SOURCE_CONTINUE;
  }

  static gboolean on_sample(gpointer data) {
    auto* self = static_cast<Daemon*>(data);
    self->guarded([self] {
      self->machine_.sample(self->clock_.monotonic());
      self->sample_machine();
      self->observer_.sample();
      self->notifier_.status(self->summary());
      self->metrics_.set_warm_workers(self->host_.idle());
    });
    return G_SOURCE_CONTINUE;
  }

  /// SIGHUP: tokens may have come and gone. What cannot be read changes nothing.
  static gboolean on_reload(gpointer data) {
    auto* self = static_cast<Daemon*>(data);
    self->guarded([self] {
      auto tokens = self->read_tokens();
      if (!tokens) return self->logger_.error("tokens stay as they were", {{"error", tokens.error()}});
      self->server_->set_tokens(std::move(*tokens));
      self->logger_.info("tokens are read again");
    });
    return G_SOURCE_CONTINUE;
  }

  /// First: finish what runs and end. Second: end now.
  static gboolean on_signal(gpointer data) {
    auto* self = static_cast<Daemon*>(data);
    self->guarded([self] {
      if (++self->signals_ == 1) {
        self->logger_.info("draining");
        self->notifier_.stopping();
        self->service_.drain();
        self->host_.stop_warming();
      } else if (!self->killed_at_) {
        self->logger_.warning("ending now, workers are killed", {{"workers", self->host_.processes()}});
        self->killed_at_ = self->clock_.monotonic();
        self->host_.kill_all();
        self->finisher_.kill_all();
      }
    });
    return G_SOURCE_CONTINUE;
  }

  const Config& config_;
  const telemetry::Logger& logger_;
  AwakeClock clock_;
  worker::Machine machine_;
  Notifier notifier_;
  std::unique_ptr<StoreOfChoice> store_;
  store::RecordingsFolder storage_;
  pipeline::Catalog catalog_;
  worker::Host host_;
  worker::FinishHost finisher_;
  telemetry::Metrics metrics_;
  TimedStore timed_;
  session::Service service_;
  api::Observer observer_;
  api::Api api_;
  api::Replays replays_{*store_, clock_};
  std::unique_ptr<api::Server> server_;
  GMainLoop* loop_;
  std::string url_file_;
  unsigned signals_ = 0;
  std::optional<Millis> killed_at_;
};

/// Descriptors 0..2 always lead somewhere: a socket that got number 2 would receive the log.
void open_standard_descriptors() {
  for (int fd = 0; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY));
}

[[nodiscard]] Surroundings surroundings() {
  std::error_code ignored;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return {.environment = [](const std::string& name) -> std::optional<std::string> {
            const char* value =
                std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): before any thread
            return value == nullptr ? std::nullopt : std::optional<std::string>{value};
          },
          .read_file = read_file,
          .executable = [](const std::string& path) { return ::access(path.c_str(), X_OK) == 0; },
          .own_folder = self.parent_path().string(),
          .installed_pipelines = AURALINK_PIPELINES_DIR,
          .installed_libexec = AURALINK_LIBEXEC_DIR};
}

/// Who may only talk with a token, or from elsewhere, is not this machine's user: such a daemon reads file
/// sources from one folder.
void confine_media(Config& config) {
  const auto listen = api::parse_listen(config.listen);
  if (!config.media_root.empty() ||
      (config.token_file.empty() && config.tokens_file.empty() && listen && listen->loopback()))
    return;
  config.media_root = config.state_dir + "/media";
  std::filesystem::create_directories(config.media_root);
}

int run(int argc, char** argv) {
  const std::vector<std::string_view> arguments{argv + 1, argv + argc};
  auto config = read_config(arguments, surroundings());
  if (!config) {
    std::fprintf(stderr, "auralinkd: %s\n", config.error().c_str());
    return 2;
  }
  if (config->mode != Config::Mode::run) {
    const auto text =
        config->mode == Config::Mode::help ? usage() : std::string_view{"auralinkd " AURALINK_VERSION "\n"};
    std::fwrite(text.data(), 1, text.size(), stdout);
    return 0;
  }
  if (!config->core_dumps) worker::keep_memory_private();
  const telemetry::Logger logger{"auralinkd", config->log_level, telemetry::stderr_sink()};
  try {
    confine_media(*config);
    Daemon daemon{*config, logger};
    if (const auto started = daemon.start(); !started) {
      logger.error("cannot start", {{"error", started.error()}});
      return 1;
    }
    return daemon.run();
  } catch (const std::exception& error) {
    logger.error("cannot start", {{"error", error.what()}});
    return 1;
  }
}

}  // namespace
}  // namespace auralink

int main(int argc, char** argv) {
  auralink::open_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): cannot fail for SIGPIPE
  return auralink::run(argc, argv);
}
