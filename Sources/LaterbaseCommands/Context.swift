import ArgumentParser
import ViewKit

/// What a command is given of the process: its databases, arguments, environment and streams.
struct Context: Sendable {
  /// The databases that the executable declares.
  let databases: [any DatabaseDeclaration]
  /// The arguments after the executable's name.
  let arguments: [String]
  let environment: [String: String]
  let console: Console
}

/// A command over a context: ArgumentParser reads its arguments, `perform` does it.
protocol ContextCommand: ParsableCommand, Sendable {
  func perform(_ context: Context) async throws(Failure)
}
