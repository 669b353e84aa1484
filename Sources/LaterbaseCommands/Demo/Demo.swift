import ArgumentParser
import EventModel
import HTTPService
import Laterbase
import Views

struct Demo: ContextCommand {
  static let configuration = CommandConfiguration(
    abstract: "Load a month of shipment scans and some EPCIS documents, and show that late ones come out right.",
    discussion: """
      The data folder is made anew each time; the port is the next free one from 5283. On a terminal the server goes on until Ctrl-C;
      elsewhere the demo ends when all is shown, with exit code 1 if a view is not what the sorted scans give.
      """)

  static let data = "./laterbase-demo"
  private static let portsTried = 100

  func perform(_ context: Context) async throws(Failure) {
    try DataFolderPath(Self.data).remove()
    let console = context.console
    var server = RunningServer(databases: registry, options: Self.options(console))
    for port in ListenAddress.standard.port..<ListenAddress.standard.port + Self.portsTried {
      server.options.port = port
      do throws(Failure) {
        return try await server.run { (url) throws(Failure) in
          try await DemoStory(client: Client(url), console: console).tell()
          if console.outputIsTerminal { try console.print("\nThe server goes on until Ctrl-C.") }
          return console.outputIsTerminal
        }
      } catch  where error == ListenAddress(host: server.options.host, port: port).isTaken {
        continue
      }
    }
    throw .failed("no port from \(ListenAddress.standard.port) on is free")
  }

  private static func options(_ console: Console) -> ServerOptions {
    var options = ServerOptions()
    options.storage = .lmdb(folder: data)
    options.logger = LineLog.quiet(on: console)
    return options
  }
}
