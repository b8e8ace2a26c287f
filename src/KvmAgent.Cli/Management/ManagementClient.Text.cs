using System.Net;
using System.Runtime.CompilerServices;

namespace KvmAgent.Cli.Management;

internal sealed partial class ManagementClient
{
    /// <summary>A text that may go on for as long as it likes, line by line.</summary>
    /// <param name="path">With its query.</param>
    /// <exception cref="CliException">It is refused, or breaks off.</exception>
    public async IAsyncEnumerable<string> LinesAsync(string path, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        using var response = await BeginAsync(request, HttpStatusCode.OK, cancel).ConfigureAwait(false);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false));
        while (await LineAsync(lines).ConfigureAwait(false) is { } line)
        {
            yield return line;
        }

        async Task<string?> LineAsync(StreamReader reader)
        {
            try
            {
                return await reader.ReadLineAsync(cancel).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                throw new CliException(ExitCodes.TryAgain, $"{_http.BaseAddress} broke the answer off: {e.Message}; try again", e);
            }
        }
    }
}
