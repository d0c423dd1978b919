// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/sasl.h"

#include <glog/logging.h>
#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <string_view>
#include <utility>

#include "net/password_file.h"

namespace cucache {
namespace {

constexpr char kApplication[] = "memcached";
// Seconds between two lines of one kind: clients try as often as they like.
constexpr int kLogPause = 1;

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
    case SASL_LOG_ERR: {
      LOG_EVERY_T(ERROR, kLogPause) << "SASL: " << message;
      break;
    }
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

struct Passwords {
  explicit Passwords(std::string path) : file(std::move(path)) {}
  PasswordFile file;
  std::string realm;  // "@host", which Cyrus appends to a user without one
};

int CheckPassword(sasl_conn_t*, void* context, const char* user,
                  const char* password, unsigned length, propctx*) {
  auto& passwords = *static_cast<Passwords*>(context);
  const std::string_view full = user;
  std::string_view bare = full;
  if (full.ends_with(passwords.realm)) {
    bare.remove_suffix(passwords.realm.size());
  }
  std::string why;
  if (passwords.file.Check(full, bare, {password, length}, &why)) {
    return SASL_OK;
  }
  if (!why.empty()) {
    LOG_EVERY_T(ERROR, kLogPause)
        << "cannot read the file of SASL users: " << why;
  }
  return SASL_NOAUTHZ;
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
    if (path != nullptr) passwords_ = std::make_unique<Passwords>(path);
    char name[1024];
    if (gethostname(name, sizeof(name) - 1) == 0) {
      name[sizeof(name) - 1] = '\0';
      host_ = name;
      if (passwords_ != nullptr) passwords_->realm = "@" + host_;
    }
    callbacks_[0] = {SASL_CB_LOG, AsCallback(&Log), nullptr};
    callbacks_[1] = {SASL_CB_LIST_END, nullptr, nullptr};
    callbacks_[2] = {SASL_CB_LIST_END, nullptr, nullptr};
    if (path != nullptr) {
      callbacks_[1] = {SASL_CB_SERVER_USERDB_CHECKPASS,
                       AsCallback(&CheckPassword), passwords_.get()};
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
    LOG_EVERY_T(ERROR, kLogPause)
        << "SASL: no connection: " << sasl_errstring(result, nullptr, nullptr);
    return nullptr;
  }

  std::unique_ptr<Passwords> passwords_;  // nullptr: there is no such file
  std::string host_;
  sasl_callback_t callbacks_[3];
};

}  // namespace

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
