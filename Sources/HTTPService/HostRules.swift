import Laterbase

/// Under which names this server may be called, and from which web pages.
///
/// A page elsewhere can make a browser send requests here under a name that its author owns (DNS rebinding). So without tokens only names
/// that can't be rebound are taken: addresses, `localhost`, and those that were configured.
struct HostRules: Sendable {
  private let hosts: Set<String>
  private let origins: Set<String>

  init(advertise: String?, allowedHosts: [String], corsOrigins: [String]) {
    var hosts = Set(allowedHosts.map { $0.lowercased() })
    hosts.insert("localhost")
    if let advertised = advertise.flatMap({ Self.host(ofURL: $0) }) { hosts.insert(advertised) }
    self.hosts = hosts
    origins = Set(corsOrigins)
  }

  /// - Throws: `forbidden-host`.
  func check(_ headers: Headers) throws(LaterbaseError) {
    if let name = headers.repeated { throw LaterbaseError(.badParameter, "the header \(name) is there twice") }
    guard let host = headers.host else { throw LaterbaseError(.forbiddenHost, "the request has no Host") }
    guard let name = Self.name(ofHost: host), hosts.contains(name) || Self.isAddress(name) else {
      throw LaterbaseError(.forbiddenHost, "requests to the host \(host) are not taken; --allowed-host allows a name")
    }
    guard let origin = headers.origin, !origins.contains(origin) else { return }
    guard Self.host(ofURL: origin) == name else {
      throw LaterbaseError(.forbiddenHost, "requests from pages of \(origin) are not taken; --cors-origin allows an origin")
    }
  }

  /// The origin that may read the answer, if the request comes from one that was configured.
  func corsOrigin(_ headers: Headers) -> String? { headers.origin.flatMap { origins.contains($0) ? $0 : nil } }

  var hasCORS: Bool { !origins.isEmpty }

  /// The lower-case name of `name:port`, brackets and all; nil if it has not that form.
  static func name(ofHost host: String) -> String? {
    let host = host.lowercased()
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]") else { return nil }
      let rest = host[host.index(after: end)...]
      return rest.isEmpty || isPort(rest) ? String(host[...end]) : nil
    }
    guard let colon = host.firstIndex(of: ":") else { return host }
    return isPort(host[colon...]) ? String(host[..<colon]) : nil
  }

  private static func isPort(_ text: Substring) -> Bool {
    text.first == ":" && text.count <= 6 && text.dropFirst().allSatisfy { $0.isASCII && $0.isNumber }
  }

  /// The host's name of `scheme://host:port/…`.
  static func host(ofURL url: String) -> String? {
    guard let scheme = url.firstRange(of: "://") else { return nil }
    return name(ofHost: String(url[scheme.upperBound...].prefix { $0 != "/" }))
  }

  /// Whether it is an IPv4 address, or an IPv6 address in brackets.
  static func isAddress(_ name: String) -> Bool {
    if name.hasPrefix("[") {
      let inner = name.dropFirst().dropLast()
      return inner.contains(":") && inner.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
    }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && UInt8($0) != nil }
  }
}
