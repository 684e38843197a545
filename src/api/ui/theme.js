/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Before the first paint, so that a chosen theme does not flash; main.js has the switch. */
'use strict';
try {
  const theme = localStorage.getItem('disco-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch { /* a browser that keeps nothing follows the system */ }
