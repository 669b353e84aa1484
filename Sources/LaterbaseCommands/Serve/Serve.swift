import ArgumentParser
import FoundationEssentials
import HTTPService
import Laterbase
import Logging

struct Serve: ContextCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve databases over HTTP until SIGTERM or SIGINT.",
    discussion: """
      Every flag is also a key of the YAML file (without --) and an environment variable (LATERBASE_LISTEN). The command line wins over
      the environment, that over the file.
      """)

  @OptionGroup var flags: ServeFlags

  func perform(_ context: Context) async throws(Failure) {
    let flags = try ServeFlags.resolved(Array(context.arguments.dropFirst()), context.environment, read: Self.text)
    let level = flags.logLevel
    let logger = Logger(label: "laterbase") { _ in LineLog(level: level, on: context.console) }
    if !flags.listen.isLoopback {
      guard flags.insecure else {
        throw .usage(
          "--listen \(flags.listen) can be reached from other machines: that needs --insecure (there are no tokens and no TLS yet)")
      }
      logger.warning("insecure: whoever can connect can read and write everything, unencrypted", metadata: ["address": "\(flags.listen)"])
    }
    if flags.fresh, let aside = try DataFolderPath(flags.data).setAside() {
      logger.notice("set the data folder aside", metadata: ["as": "\(aside)"])
    }
    let server: LaterbaseServer
    do throws(LaterbaseError) {
      server = try LaterbaseServer(databases: context.databases, options: flags.options(logger))
    } catch {
      throw .failed(error.detail)
    }
    do { try await server.run() } catch { throw flags.listen.cannotListen(error) }
    logger.info("stopped")
  }

  /// The text of a configuration file, nil if there is none.
  private static func text(_ path: String) throws(Failure) -> String? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    do { return try String(contentsOfFile: path, encoding: .utf8) } catch { throw .usage("\(path): cannot be read as UTF-8 text") }
  }
}
