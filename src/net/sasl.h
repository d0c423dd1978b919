// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// SASL by the Cyrus library (sasl.cc), or the file that says that there is
// none (sasl_none.cc); configure chooses. (Counterpart: sasl_defs.c.)
//
// The application's name is memcached's, so that its memcached.conf and its
// entries in sasldb go on to work. SASL_CONF_PATH names the folder of
// memcached.conf. MEMCACHED_SASL_PWDB names a file of lines user:password that
// is looked into, before Cyrus' own ways, when a client gives its password in
// the clear (PLAIN), see net/password_file.h. Cyrus makes user@host of a
// user; a line may name it so, as memcached demands, or without this host.
//
// Thread safety: see command/sasl.h. The library is told to use real mutexes.

#ifndef CUCACHE_NET_SASL_H_
#define CUCACHE_NET_SASL_H_

#include <memory>
#include <string>

#include "command/sasl.h"

namespace cucache {

// nullptr and a message on failure.
std::unique_ptr<SaslService> NewSaslService(std::string* error);

}  // namespace cucache

#endif  // CUCACHE_NET_SASL_H_
