import EventStore
import Foundation
import Simulation
import Subprocess
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

// One part after the other: beside it all other suites want the processor too.
@Suite(.serialized) struct `A cluster of nodes` {
  static let seeds = 2000
  private static let chunk = 250

  /// On a thread of its own, as it waits for nothing.
  private func onThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in Thread.detach { continuation.resume(returning: body()) } }
  }

  @Test(arguments: 0..<seeds / chunk)
  func `comes to one set, one answer and no loss, whatever befell it`(part: Int) async {
    let failures = await onThread {
      (1...Self.chunk).compactMap { index -> String? in
        do throws(SimulationFailure) {
          try ClusterHistory(seed: UInt64(part * Self.chunk + index)).run()
          return nil
        } catch {
          return error.description
        }
      }
    }
    for failure in failures { Issue.record("\(failure)") }
  }

  private static func trace(_ seed: UInt64) -> [String] {
    var options = SimulationOptions()
    options.traces = true
    do throws(SimulationFailure) { return try ClusterHistory(seed: seed, options: options).run().trace } catch { return ["\(error)"] }
  }

  @Test(arguments: [3, 14, 159] as [UInt64])
  func `has the same history whenever its seed is run, in this process and in another`(seed: UInt64) async throws {
    let first = await onThread { Self.trace(seed) }
    #expect(first.count > 40)
    #expect(await onThread { Self.trace(seed) } == first)
    #expect(await onThread { Self.trace(seed + 1) } != first)
    for _ in 0..<2 {
      let result = try await Subprocess.run(
        .path(Self.executable), arguments: ["--seed", "\(seed)", "--trace"], output: .string(limit: 1 << 20), error: .discarded)
      #expect(result.standardOutput.split(separator: "\n").dropLast().map(String.init) == first)
    }
  }

  /// Beside the test bundle, where `swift build` puts both.
  private static var executable: FilePath {
    #if os(Linux)
      let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
      return FilePath(bundle).removingLastComponent().appending("laterbase-simulate")
    #else
      return FilePath(#filePath).removingLastComponent().appending("../../.build/debug/laterbase-simulate").lexicallyNormalized()
    #endif
  }
}
