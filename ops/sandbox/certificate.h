#pragma once
// A self-signed certificate, made at start: what a fresh Proxmox shows as well.

#include <memory>
#include <string>

#include <openssl/types.h>

namespace slipway::sandbox {

struct Certificate {
    std::shared_ptr<X509> certificate;
    std::shared_ptr<EVP_PKEY> key;
    std::string fingerprint;  // SHA-256, AA:BB:…, as clients pin it
    std::string pem;
};

// For this host name or address, and for localhost. Throws Error if OpenSSL could not.
Certificate new_certificate(const std::string& host);

}  // namespace slipway::sandbox
