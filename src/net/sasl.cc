// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/sasl.h"

#include <glog/logging.h>
#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>

#include "base/files.h"
#include "base/sha256.h"

namespace cucache {
namespace {

constexpr char kApplication[] = "memcached";
// As in memcached, a line of its password file has no more.
constexpr size_t kMaxLine = 255;
// The file is read anew for each login, by the worker, as memcached does: no
// more than what takes it about 20 ms.
constexpr size_t kMaxFile = size_t{16} << 20;

// ---- What the library calls. ----

using Callback = int (*)();

template <class F>
Callback AsCallback(F* function) {
  // By way of the type that stands for any function.
  return reinterpret_cast<Callback>(reinterpret_cast<void (*)()>(function));
}

const char* ConfigFolder() {
  if (const char* path = std::getenv("SASL_CONF_PATH")) return path;
  if (access("/etc/sasl/memcached.conf", F_OK) == 0) return "/etc/sasl";
  if (access("/etc/sasl2/memcached.conf", F_OK) == 0) return "/etc/sasl2";
  return nullptr;
}

int GetConfigFolder(void*, char** path) {
  *path = const_cast<char*>(ConfigFolder());
  return *path != nullptr ? SASL_OK : SASL_FAIL;
}

// What the library says at SASL_LOG_TRACE and SASL_LOG_PASS may be a password.
int Log(void*, int level, const char* message) {
  switch (level) {
    case SASL_LOG_NONE:
    case SASL_LOG_TRACE:
    case SASL_LOG_PASS:
      break;
    case SASL_LOG_ERR:
      LOG(ERROR) << "SASL: " << message;
      break;
    case SASL_LOG_FAIL:
    case SASL_LOG_WARN:
      VLOG(1) << "SASL: " << message;
      break;
    default:
      VLOG(2) << "SASL: " << message;
  }
  return SASL_OK;
}

void* NewMutex() { return new (std::nothrow) std::mutex; }
int LockMutex(void* mutex) {
  static_cast<std::mutex*>(mutex)->lock();
  return SASL_OK;
}
int UnlockMutex(void* mutex) {
  static_cast<std::mutex*>(mutex)->unlock();
  return SASL_OK;
}
void FreeMutex(void* mutex) { delete static_cast<std::mutex*>(mutex); }

// ---- The password file. ----

// A line is user:password, and maybe a colon and more.
bool LineMatches(std::string_view line, std::string_view user,
                 std::string_view password) {
  if (line.size() > kMaxLine || !line.starts_with(user)) return false;
  line.remove_prefix(user.size());
  if (!line.starts_with(':')) return false;
  line.remove_prefix(1);
  line = line.substr(0, line.find('\r'));
  const std::string_view rest = line.substr(0, password.size());
  const bool ends = line.size() == rest.size() || line[rest.size()] == ':';
  return SameDigest(Sha256(rest), Sha256(password)) && ends;
}

struct PasswordFile {
  std::string path;
  std::string realm;  // "@host", which Cyrus appends to a user without one
};

int CheckPassword(sasl_conn_t*, void* context, const char* user,
                  const char* password, unsigned length, propctx*) {
  const auto& passwords = *static_cast<const PasswordFile*>(context);
  const std::string_view full = user;
  std::string_view bare = full;
  if (full.ends_with(passwords.realm)) {
    bare.remove_suffix(passwords.realm.size());
  }
  std::string text, why;
  if (!ReadRegularFile(passwords.path, kMaxFile, &text, &why)) {
    LOG(ERROR) << "cannot read the file of SASL users " << passwords.path
               << ": " << why;
    return SASL_NOAUTHZ;
  }
  bool right = false;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.starts_with(bare)) continue;
    right |= LineMatches(line, full, {password, length});
    right |= LineMatches(line, bare, {password, length});
  }
  return right ? SASL_OK : SASL_NOAUTHZ;
}

// ---- The service. ----

class CyrusExchange final : public SaslExchange {
 public:
  explicit CyrusExchange(sasl_conn_t* connection) : connection_(connection) {}
  ~CyrusExchange() override { sasl_dispose(&connection_); }

  Outcome Start(const std::string& mechanism, std::string_view data,
                std::string* reply) override {
    const char* out = nullptr;
    unsigned length = 0;
    const int result = sasl_server_start(
        connection_, mechanism.c_str(), data.empty() ? nullptr : data.data(),
        static_cast<unsigned>(data.size()), &out, &length);
    return Take(result, out, length, reply);
  }
  Outcome Step(std::string_view data, std::string* reply) override {
    const char* out = nullptr;
    unsigned length = 0;
    const int result =
        sasl_server_step(connection_, data.empty() ? nullptr : data.data(),
                         static_cast<unsigned>(data.size()), &out, &length);
    return Take(result, out, length, reply);
  }

 private:
  Outcome Take(int result, const char* out, unsigned length,
               std::string* reply) {
    if (out != nullptr) reply->assign(out, length);
    VLOG(2) << "SASL result: " << result;
    if (result == SASL_OK) return Outcome::kDone;
    return result == SASL_CONTINUE ? Outcome::kContinue : Outcome::kFailed;
  }

  sasl_conn_t* connection_;
};

class CyrusService final : public SaslService {
 public:
  CyrusService() {
    const char* path = std::getenv("MEMCACHED_SASL_PWDB");
    if (path != nullptr) passwords_.path = path;
    char name[1024];
    if (gethostname(name, sizeof(name) - 1) == 0) {
      name[sizeof(name) - 1] = '\0';
      host_ = name;
      passwords_.realm = "@" + host_;
    }
    callbacks_[0] = {SASL_CB_LOG, AsCallback(&Log), nullptr};
    callbacks_[1] = {SASL_CB_LIST_END, nullptr, nullptr};
    callbacks_[2] = {SASL_CB_LIST_END, nullptr, nullptr};
    if (path != nullptr) {
      callbacks_[1] = {SASL_CB_SERVER_USERDB_CHECKPASS,
                       AsCallback(&CheckPassword), &passwords_};
    }
  }

  bool ListMechanisms(std::string* names) override {
    sasl_conn_t* connection = NewConnection();
    if (connection == nullptr) return false;
    const CyrusExchange owner(connection);
    const char* text = nullptr;
    unsigned length = 0;
    if (sasl_listmech(connection, nullptr, "", " ", "", &text, &length,
                      nullptr) != SASL_OK) {
      return false;
    }
    names->assign(text, length);
    return true;
  }

  std::unique_ptr<SaslExchange> NewExchange() override {
    sasl_conn_t* connection = NewConnection();
    if (connection == nullptr) return nullptr;
    return std::make_unique<CyrusExchange>(connection);
  }

 private:
  sasl_conn_t* NewConnection() {
    sasl_conn_t* connection = nullptr;
    const int result = sasl_server_new(
        kApplication, nullptr, host_.empty() ? nullptr : host_.c_str(), nullptr,
        nullptr, callbacks_, 0, &connection);
    if (result == SASL_OK) return connection;
    LOG(ERROR) << "SASL: no connection: "
               << sasl_errstring(result, nullptr, nullptr);
    return nullptr;
  }

  PasswordFile passwords_;
  std::string host_;
  sasl_callback_t callbacks_[3];
};

}  // namespace

bool HaveSasl() { return true; }

std::unique_ptr<SaslService> NewSaslService(std::string* error) {
  // The library keeps them for the life of the process.
  static const sasl_callback_t kWithFolder[] = {
      {SASL_CB_LOG, AsCallback(&Log), nullptr},
      {SASL_CB_GETCONFPATH, AsCallback(&GetConfigFolder), nullptr},
      {SASL_CB_LIST_END, nullptr, nullptr}};
  static const sasl_callback_t kWithout[] = {
      {SASL_CB_LOG, AsCallback(&Log), nullptr},
      {SASL_CB_LIST_END, nullptr, nullptr}};
  sasl_set_mutex(NewMutex, LockMutex, UnlockMutex, FreeMutex);
  const int result = sasl_server_init(
      ConfigFolder() != nullptr ? kWithFolder : kWithout, kApplication);
  if (result == SASL_OK) return std::make_unique<CyrusService>();
  *error = std::string("cannot start SASL: ") +
           sasl_errstring(result, nullptr, nullptr);
  return nullptr;
}

}  // namespace cucache
