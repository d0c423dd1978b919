// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Optional parts that configure found what they need for. Code asks these
// constants; what a part consists of are files of its own, which configure
// chooses.

#ifndef CUCACHE_BASE_FEATURES_H_
#define CUCACHE_BASE_FEATURES_H_

// Given by the Makefile; whoever compiles by hand has none of them.
#ifndef CUCACHE_TLS
#define CUCACHE_TLS 0
#endif
#ifndef CUCACHE_SASL
#define CUCACHE_SASL 0
#endif

namespace cucache {

inline constexpr bool kTlsBuilt = CUCACHE_TLS != 0;
inline constexpr bool kSaslBuilt = CUCACHE_SASL != 0;

}  // namespace cucache

#endif  // CUCACHE_BASE_FEATURES_H_
