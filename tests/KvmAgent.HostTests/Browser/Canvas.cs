using Microsoft.Playwright;

namespace KvmAgent.HostTests.Browser;

/// <summary>What a browser has drawn.</summary>
internal static class Canvas
{
    /// <returns>How many of a canvas' points are not black.</returns>
    public static Task<int> LitAsync(ILocator canvas) => canvas.EvaluateAsync<int>("""
        canvas => {
          if (canvas.width === 0 || canvas.height === 0) {
            return 0;
          }

          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let lit = 0;
          for (let at = 0; at < data.length; at += 4) {
            lit += data[at] + data[at + 1] + data[at + 2] > 0 ? 1 : 0;
          }
          return lit;
        }
        """);
}
