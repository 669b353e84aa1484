import ArgumentParser
import NIOCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where a server listens: `127.0.0.1:5283`, `[::1]:5283`, `localhost:0` (any free port).
struct ListenAddress: Equatable {
  let host: String
  let port: Int

  static let standard = ListenAddress(host: "127.0.0.1", port: 5283)

  init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Whether only this machine can reach it: 127.0.0.0/8, ::1, or `localhost`.
  var isLoopback: Bool {
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts.first == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  /// Why a server does not listen here.
  func cannotListen(_ error: any Error) -> Failure {
    (error as? IOError)?.errnoCode == EADDRINUSE ? isTaken : .failed("\(self): \(error)")
  }

  /// Another process listens here.
  var isTaken: Failure { .failed("\(self) is taken: another process listens there") }
}

extension ListenAddress: ExpressibleByArgument, CustomStringConvertible {
  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":"), let port = UInt16(argument[argument.index(after: colon)...]) else { return nil }
    var host = argument[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self.init(host: String(host), port: Int(port))
  }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
