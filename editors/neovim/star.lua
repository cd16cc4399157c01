-- starc's language server in Neovim 0.11 or newer: save as ~/.config/nvim/plugin/star.lua.
vim.filetype.add({ extension = { star = "star" } })
vim.lsp.config("starc", { cmd = { "starc", "lsp" }, filetypes = { "star" }, root_markers = { ".git" } })
vim.lsp.enable("starc")
vim.api.nvim_create_autocmd("FileType", {
  pattern = "star",
  callback = function()
    vim.bo.commentstring, vim.bo.shiftwidth, vim.bo.expandtab = "# %s", 2, true
  end,
})
