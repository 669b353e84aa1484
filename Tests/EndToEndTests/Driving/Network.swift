import Foundation
import Subprocess

/// Network namespaces of this machine on one bridge: hosts that can be cut off from each other, while this process reaches them all.
/// Linux, and root.
struct Network: Sendable {
  let hosts: [Host]
  private let bridge: String

  struct Host: Sendable {
    let namespace: String
    let address: String

    /// What runs a command there.
    var command: [String] { ["ip", "netns", "exec", namespace] }
  }

  struct Failed: Error, CustomStringConvertible {
    let description: String
  }

  /// Makes so many hosts, and takes them away when `body` ends.
  /// - Throws: `Failed` if this machine or this user can't have any.
  static func with<R>(_ count: Int, _ body: (Network) async throws -> R) async throws -> R {
    let number = Int(ProcessInfo.processInfo.processIdentifier) % 10_000
    let net = "10.\(64 + number / 256).\(number % 256)"
    let hosts = (1...count).map { Host(namespace: "laterbase-\(number)-\($0)", address: "\(net).\($0 + 1)") }
    let network = Network(hosts: hosts, bridge: "lb\(number)")
    do {
      try await network.build(net)
      let result = try await body(network)
      await network.remove()
      return result
    } catch {
      await network.remove()
      throw error
    }
  }

  /// Why this machine can't have hosts; nil: it can.
  static func reasonAgainst() async -> String? {
    do {
      try await with(1) { _ in }
      return nil
    } catch {
      return "\(error)"
    }
  }

  private func build(_ net: String) async throws {
    try await Self.ip("link", "add", bridge, "type", "bridge")
    try await Self.ip("addr", "add", "\(net).1/24", "dev", bridge)
    try await Self.ip("link", "set", bridge, "up")
    for (index, host) in hosts.enumerated() {
      let (outer, inner) = ("\(bridge)o\(index)", "\(bridge)i\(index)")
      try await Self.ip("netns", "add", host.namespace)
      try await Self.ip("link", "add", outer, "type", "veth", "peer", "name", inner)
      try await Self.ip("link", "set", outer, "master", bridge, "up")
      try await Self.ip("link", "set", inner, "netns", host.namespace)
      try await Self.ip("-n", host.namespace, "addr", "add", "\(host.address)/24", "dev", inner)
      try await Self.ip("-n", host.namespace, "link", "set", inner, "up")
      try await Self.ip("-n", host.namespace, "link", "set", "lo", "up")
    }
  }

  private func remove() async {
    // A namespace takes its end of the wire with it, and that the other one.
    for host in hosts { try? await Self.ip("netns", "delete", host.namespace) }
    try? await Self.ip("link", "delete", bridge)
  }

  /// Cuts two hosts off from each other, or lets them reach each other again. What is on the way is lost.
  func setCut(_ isCut: Bool, _ a: Int, _ b: Int) async throws {
    for (from, to) in [(a, b), (b, a)] {
      try await Self.ip("-n", hosts[from].namespace, "route", isCut ? "replace" : "delete", "blackhole", "\(hosts[to].address)/32")
    }
  }

  private static func ip(_ arguments: String...) async throws {
    let run = try await Subprocess.run(
      .name("ip"), arguments: Arguments(arguments), input: .none, output: .discarded, error: .string(limit: 4096))
    guard run.terminationStatus.isSuccess else {
      throw Failed(
        description: "ip \(arguments.joined(separator: " ")): \(run.standardError.trimmingCharacters(in: .whitespacesAndNewlines))")
    }
  }
}
